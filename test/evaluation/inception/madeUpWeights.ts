import type { SafetensorsTensor } from '../../../src/formats/safetensors.js';

/** The rule of test/golden/make_inception.py: hashes of a name and a position. */
export function hashes(name: string, count: number): Uint32Array {
  let seed = 0x811c9dc5;
  for (const byte of Buffer.from(name)) seed = Math.imul(seed ^ byte, 0x01000193) >>> 0;
  return Uint32Array.from({ length: count }, (_, index) => {
    let hash = (seed + Math.imul(index, 0x9e3779b9)) >>> 0;
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return hash ^ (hash >>> 16);
  });
}

/** The tensors that the script gave its network, under pytorch-fid's names. */
export function madeUpTensors(shapes: Readonly<Record<string, number[]>>): Map<string, SafetensorsTensor> {
  return new Map(
    Object.entries(shapes).map(([name, shape]) => {
      const count = shape.reduce((product, size) => product * size, 1);
      const scale = scaleOf(name, count / shape[0]);
      const data = Float32Array.from(hashes(name, count), (hash) => scale(hash / 2 ** 31 - 1));
      return [name, { dtype: 'F32', shape, data }];
    }),
  );
}

function scaleOf(name: string, fanIn: number): (value: number) => number {
  if (name.endsWith('conv.weight')) return (value) => value * Math.sqrt(6 / fanIn);
  if (name === 'fc.weight') return (value) => value * Math.sqrt(3 / fanIn);
  if (name.endsWith('bn.weight') || name.endsWith('running_var')) return (value) => 1 + value / 2;
  return (value) => value * 0.1;
}
