import * as tf from '@tensorflow/tfjs-core';
import { ATTRIBUTE_KIND, nativeBackend, type OperationAttribute } from './graph/nativeBackend.js';
import { hasOwnOperation } from './ownOperations.js';

/** What `fusedGroupNorm` computes in one go. */
export interface FusedNorm {
  readonly x: tf.Tensor4D;
  /** (N, C), added to x first; null for none. */
  readonly bias: tf.Tensor2D | null;
  readonly gamma: tf.Tensor1D;
  readonly beta: tf.Tensor1D;
  readonly groups: number;
  readonly eps: number;
  /** Whether SiLU follows. */
  readonly silu: boolean;
}

/** Names under which the add-on registers its operations. */
const FORWARD = 'StepadaptGroupNorm';
const GRADIENT = 'StepadaptGroupNormGrad';

/** Whether the open engine has the operations. */
export function hasFusedGroupNorm(): boolean {
  return hasOwnOperation(FORWARD) && hasOwnOperation(GRADIENT);
}

/**
 * Group normalisation with the bias before it and the SiLU after it as one operation of the native engine. For the gradient it
 * keeps its input and the statistics; the normalised values and the sigmoid are computed again there, which costs less than
 * storing them.
 */
export function fusedGroupNorm({ x, bias, gamma, beta, ...settings }: FusedNorm): tf.Tensor4D {
  const backend = nativeBackend()!;
  const attributes = normAttributes(settings);
  const normalise = tf.customGrad((...args) => {
    const save = args.pop() as tf.GradSaveFunc;
    const [x, gamma, beta, bias = tf.tensor1d([])] = args as tf.Tensor[];
    const [y, mean, inverseStd] = backend.executeMultipleOutputs(FORWARD, attributes, [x, bias, gamma, beta], 3);
    save([x, bias, gamma, beta, mean, inverseStd]);
    return {
      value: y,
      gradFunc: (dy, saved) => {
        const inputs = [dy as tf.Tensor, ...saved];
        const [dx, dbias, dgamma, dbeta] = backend.executeMultipleOutputs(GRADIENT, attributes, inputs, 4);
        return args.length === 3 ? [dx, dgamma, dbeta] : [dx, dgamma, dbeta, dbias];
      },
    };
  });
  return normalise(...[x, gamma, beta], ...(bias === null ? [] : [bias])) as tf.Tensor4D;
}

function normAttributes({ groups, eps, silu }: Pick<FusedNorm, 'groups' | 'eps' | 'silu'>): OperationAttribute[] {
  return [
    { name: 'groups', type: ATTRIBUTE_KIND.int, value: groups },
    { name: 'epsilon', type: ATTRIBUTE_KIND.float, value: eps },
    { name: 'silu', type: ATTRIBUTE_KIND.bool, value: silu },
  ];
}
