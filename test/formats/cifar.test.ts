import { describe, expect, it } from 'vitest';
import { decodeCifar10 } from '../../src/formats/cifar.js';

/** One record as the format's page describes it: label, 1024 red, 1024 green, 1024 blue, row-major. */
function record(label: number, value: (channel: number, row: number, column: number) => number): number[] {
  const bytes = [label];
  for (let channel = 0; channel < 3; channel++)
    for (let row = 0; row < 32; row++)
      for (let column = 0; column < 32; column++) bytes.push(value(channel, row, column));
  return bytes;
}

const first = record(6, (channel, row, column) => (channel * 80 + row * 3 + column) % 256);
const second = record(9, (channel) => [250, 20, 3][channel]);

describe('CIFAR-10 binary', () => {
  it('planes become interleaved pixels', () => {
    const images = decodeCifar10(Uint8Array.from([...first, ...second]), 'x');
    expect(images.count).toBe(2);
    expect([...images.labels]).toEqual([6, 9]);
    const at = (5 * 32 + 17) * 3;
    expect([...images.pixels.subarray(at, at + 3)]).toEqual([32, 112, 192]);
    expect([...images.pixels.subarray(-3)]).toEqual([250, 20, 3]);
  });

  it('stops at a limit', () => {
    const images = decodeCifar10(Uint8Array.from([...first, ...second]), 'x', 1);
    expect([images.count, images.pixels.length, images.labels.length]).toEqual([1, 3072, 1]);
  });

  it('refuses what is not whole records', () => {
    for (const bytes of [[], first.slice(1), [...first, 0]]) {
      expect(() => decodeCifar10(Uint8Array.from(bytes), 'batch')).toThrow(
        expect.objectContaining({ code: 'DATA_TRUNCATED', message: expect.stringContaining('batch') }),
      );
    }
  });

  it('refuses labels that CIFAR-10 does not have', () => {
    expect(() => decodeCifar10(Uint8Array.from(record(10, () => 0)), 'x')).toThrow(
      expect.objectContaining({ code: 'DATA_WRONG_MAGIC' }),
    );
  });
});
