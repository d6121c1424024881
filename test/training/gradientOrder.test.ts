import { expect, it } from 'vitest';
import { kernelGradientsFirst } from '../../src/training/gradientOrder.js';

it("an input's gradient waits for the kernels' gradients from the same gradient of the output, and for nothing else", () => {
  const node = (name: string, op: string, ...input: string[]) => ({ name, op, input, attr: {} });
  const nodes = [
    node('inputA', 'Conv2DBackpropInput', 'shape', 'kernelA', 'dyA:0', '^earlier'),
    node('kernelA1', 'Conv2DBackpropFilter', 'x', 'shape', 'dyA:0'),
    node('kernelA2', 'Conv2DBackpropFilter', 'y', 'shape', 'dyA:0'),
    node('inputB', 'Conv2DBackpropInput', 'shape', 'kernelB', 'dyB:0'),
    node('sum', 'Add', 'x', 'y', 'dyA:0'),
  ];
  expect(kernelGradientsFirst(nodes).map(({ input }) => input)).toEqual([
    ['shape', 'kernelA', 'dyA:0', '^earlier', '^kernelA1', '^kernelA2'],
    ...nodes.slice(1).map(({ input }) => input),
  ]);
});
