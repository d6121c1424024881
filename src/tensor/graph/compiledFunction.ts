import type * as tf from '@tensorflow/tfjs-core';
import { GraphBuilder, type GraphValue } from './graphBuilder.js';
import { openGraphSession } from './graphSession.js';
import { DT_FLOAT, DT_INT32, type NativeBackend } from './nativeBackend.js';
import { recordOperations } from './recording.js';

/** A function of tensors, recorded once. */
export interface CompiledFunction {
  /** The function of tensors with the shapes and types of those it was recorded with. The results are the caller's. */
  run(inputs: readonly tf.Tensor[]): tf.Tensor[];
  /** Frees the graph. */
  dispose(): void;
}

/**
 * Records a function of tensors, so that later calls are one call of TensorFlow.
 *
 * @param examples float32 or int32 tensors of which only shape and type matter
 * @param call must not read a tensor's contents, nor use tensors that it does not make or get
 * @throws Error when it does, or when it needs an operation that cannot be recorded
 */
export function compileFunction(
  backend: NativeBackend,
  examples: readonly tf.Tensor[],
  call: (inputs: tf.Tensor[]) => readonly tf.Tensor[],
): CompiledFunction {
  const builder = new GraphBuilder();
  const inputs = examples.map(({ shape, dtype }, index) =>
    builder.placeholder(`input${index}`, shape, dtype === 'int32' ? DT_INT32 : DT_FLOAT),
  );
  const outputs: GraphValue[] = recordOperations(backend, builder, (recording) =>
    call(inputs.map((input) => recording.tensor(input))).map((output) => recording.value(output)),
  );
  const fetches = outputs.map(({ name }) => name);
  const session = openGraphSession(backend, builder.nodes);
  return {
    run(tensors) {
      return session.run(new Map(inputs.map(({ name }, index) => [name, tensors[index]])), fetches);
    },
    dispose() {
      session.dispose();
    },
  };
}
