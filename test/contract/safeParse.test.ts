import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { safeParse } from '../../src/contract/safeParse.js';

describe('safeParse', () => {
  const schema = z.strictObject({ folder: z.string().min(1), seeds: z.array(z.number()).min(1) });

  it('reads what fits and names what does not', () => {
    expect(safeParse(schema, { folder: 'a', seeds: [1] }).data).toEqual({ folder: 'a', seeds: [1] });
    expect(safeParse(schema, { folder: '', seeds: [1] }).error?.issues[0].path).toEqual(['folder']);
  });

  it('refuses a length that is an object without a value, at any depth', () => {
    const length = { valueOf: 0, toString: 0 };
    expect(() => schema.safeParse({ folder: { length }, seeds: [1] })).toThrow(TypeError);
    const result = safeParse(schema, { folder: { length }, seeds: [1] });
    expect(result.success).toBe(false);
    expect(result.error?.issues[0].message).toContain('"length"');
  });

  it('lets other errors of a check through', () => {
    const broken = z.string().refine(() => {
      throw new RangeError('a defect');
    });
    expect(() => safeParse(broken, 'a')).toThrow(RangeError);
  });
});
