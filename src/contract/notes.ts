import { z } from 'zod';

/** What people write about a project, `notes.json` beside its file. It decides nothing that is computed. */
export const notesSchema = z.strictObject({
  text: z.string().max(10_000).default(''),
  tags: z
    .array(
      z
        .string()
        .trim()
        .min(1)
        .max(40)
        .regex(/^[^,\p{Cc}]*$/u),
    )
    .max(20)
    .default([])
    .transform((tags) => [...new Set(tags)]),
  /** Of the project's marks where several are compared; null = chosen by place. */
  colour: z
    .string()
    .regex(/^#[0-9a-f]{6}$/)
    .nullable()
    .default(null),
});
export type Notes = z.output<typeof notesSchema>;
