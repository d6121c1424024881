import { z } from 'zod';

/**
 * `schema.safeParse` for values from outside. zod 4 measures a value's `length` before it looks at its type, and throws a TypeError
 * where that is an object which no number can be made of, such as `{ "length": { "valueOf": 0 } }` in the place of a text; here
 * such a value does not fit, as any other.
 */
export function safeParse<S extends z.ZodType>(schema: S, value: unknown): z.ZodSafeParseResult<z.output<S>> {
  try {
    return schema.safeParse(value);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return z.never({ error: 'holds a "length" that is none' }).safeParse(value) as z.ZodSafeParseResult<z.output<S>>;
  }
}
