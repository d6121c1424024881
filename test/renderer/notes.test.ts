import { describe, expect, test } from 'vitest';
import { PROJECT_COLOURS } from '../../renderer/lib/groupColours.js';
import { isMeant, parseTags } from '../../renderer/lib/tags.js';
import { notesSchema } from '../../src/contract/notes.js';

describe('tags', () => {
  test('are split at commas, once each', () => {
    expect(parseTags(' paper, ablation,, paper ,')).toEqual(['paper', 'ablation']);
    expect(parseTags('')).toEqual([]);
  });

  test('what cannot be kept is said, by the same limits as the host has', () => {
    const long = 'x'.repeat(41);
    const many = Array.from({ length: 21 }, (_, index) => `t${index}`);
    expect(parseTags(long)).toMatch(/40 characters/);
    expect(parseTags(many.join(','))).toMatch(/20 tags/);
    expect(notesSchema.safeParse({ tags: [long] }).success).toBe(false);
    expect(notesSchema.safeParse({ tags: many }).success).toBe(false);
    expect(notesSchema.safeParse({ tags: [long.slice(1)] }).success).toBe(true);
    expect(notesSchema.safeParse({ tags: many.slice(1) }).success).toBe(true);
  });

  test('a project is found by its name, a tag or a word of its notes', () => {
    const project = { name: 'Warm-up 500', notes: { text: 'second try', tags: ['Paper'] } };
    expect(['', 'warm', 'PAPER', 'try warm', 'second paper'].map((query) => isMeant(project, query))).toEqual(
      Array(5).fill(true),
    );
    expect(isMeant(project, 'third')).toBe(false);
  });
});

/** WCAG 2: relative luminance, and the contrast of two colours. */
function luminance(hex: string): number {
  const [red, green, blue] = [1, 3, 5].map((start) => {
    const value = Number.parseInt(hex.slice(start, start + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(a: string, b: string): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

test.each(PROJECT_COLOURS)('$name is seen on light and on dark ground', ({ value }) => {
  expect(contrast(value, '#ffffff')).toBeGreaterThanOrEqual(3);
  expect(contrast(value, '#1a1f24')).toBeGreaterThanOrEqual(3);
  expect(notesSchema.safeParse({ colour: value }).success).toBe(true);
});
