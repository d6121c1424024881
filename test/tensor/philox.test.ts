import { expect, it } from 'vitest';
import { fillPhilox, type PhiloxCounter, type PhiloxKey } from '../../src/tensor/philox.js';

/** `philox4x32 10` lines of kat_vectors in the Random123 distribution. */
it.each<{ counter: PhiloxCounter; key: PhiloxKey; expected: number[] }>([
  { counter: [0, 0, 0, 0], key: [0, 0], expected: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8] },
  {
    counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    key: [0xffffffff, 0xffffffff],
    expected: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  },
  {
    counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    key: [0xa4093822, 0x299f31d0],
    expected: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  },
])('published vector $expected', ({ counter, key, expected }) => {
  const words = new Uint32Array(4);
  fillPhilox(words, key, counter);
  expect([...words]).toEqual(expected);
});

it('counts blocks in the first word', () => {
  const both = new Uint32Array(8);
  fillPhilox(both, [1, 2], [7, 3, 4, 5]);
  const second = new Uint32Array(4);
  fillPhilox(second, [1, 2], [8, 3, 4, 5]);
  expect([...both.subarray(4)]).toEqual([...second]);
});
