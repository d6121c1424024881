import type { NodeDef } from '../tensor/graph/savedModel.js';

/** Inputs of the operations: `Conv2DBackpropFilter(x, sizes, dy)` and `Conv2DBackpropInput(sizes, kernel, dy)`. */
const DY = 2;

/**
 * The nodes of a training step, in which the gradient of a convolution's input waits for that of its kernel. The latter is the last
 * that needs the input, whose memory is so free before the gradients of earlier layers take more.
 */
export function kernelGradientsFirst(nodes: readonly NodeDef[]): NodeDef[] {
  const ofKernels = new Map<string, string[]>();
  for (const { op, name, input } of nodes) {
    if (op !== 'Conv2DBackpropFilter') continue;
    ofKernels.set(input[DY], [...(ofKernels.get(input[DY]) ?? []), `^${name}`]);
  }
  return nodes.map((node) => {
    const earlier = node.op === 'Conv2DBackpropInput' ? (ofKernels.get(node.input[DY]) ?? []) : [];
    return { ...node, input: [...node.input, ...earlier] };
  });
}
