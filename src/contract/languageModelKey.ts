import { z } from 'zod';

/** What is known of the key of a language-model service. The key itself is in no answer. */
export const languageModelKeySchema = z.object({
  /** Where the key that runs use comes from; null where there is none. The environment wins. */
  source: z.enum(['environment', 'stored']).nullable(),
  /** The address it is for, besides this machine; null where none is named. */
  address: z.string().nullable(),
  /** Why this host cannot keep a key; null where it can. */
  trouble: z.string().nullable(),
  /** Why a kept key is not used; it has to be given again. */
  lost: z.string().nullable(),
});
export type LanguageModelKeyView = z.output<typeof languageModelKeySchema>;

/** A key, and the address of the service that it is for. */
export const languageModelKeyGivenSchema = z.strictObject({
  /** What an HTTP header can carry. */
  key: z
    .string()
    .max(4096)
    .regex(/^[\x21-\x7e]+$/, 'letters, digits and signs without spaces'),
  address: z
    .url({ protocol: /^https?$/, error: 'an address such as https://api.example.org' })
    .max(2048)
    .transform((url) => new URL(url).origin),
});
export type LanguageModelKey = z.output<typeof languageModelKeyGivenSchema>;
