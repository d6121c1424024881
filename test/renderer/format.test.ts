import { expect, it } from 'vitest';
import { durationRange } from '../../renderer/lib/format.js';

it.each([
  [361, 363, 'about 6 min'],
  [250, 560, '4 min to 9 min'],
  [41, 130, '40 s to 2 min'],
  [0.2, 0.4, 'about 5 s'],
  [58, 59, 'about 1 min'],
  [3540, 9000, '59 min to 2 h 30 min'],
  [4200, 10_900, '1 h 10 min to 3 h'],
  [90_000, 180_000, '1 d 1 h to 2 d 2 h'],
])('%i to %i seconds is %s', (low, high, text) => {
  expect(durationRange(low, high)).toBe(text);
});
