import * as tf from '@tensorflow/tfjs-core';

/** An attribute of an operation as tfjs-node hands it to its binding: `type` tells what kind of value it is. */
export interface OperationAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

/** TensorFlow's kinds of attribute values, as `OperationAttribute.type` names them. */
export const ATTRIBUTE_KIND = { string: 0, int: 1, float: 2, bool: 3, type: 4 } as const;

/** An operation's output: `id` names it to the binding, `dtype` is TensorFlow's number. */
export interface OutputMetadata {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

/** The binding's calls that a recorder stands in for. */
export interface TensorBinding {
  createTensor(shape: number[], dtype: number, values: ArrayLike<number>): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): ArrayLike<number>;
  executeOp(name: string, attributes: OperationAttribute[], inputs: number[], outputs: number): OutputMetadata[];
  getNumOfTensors(): number;
}

/** What is used of tfjs-node's backend class beyond the interface of every backend. */
export interface NativeBackend {
  binding: TensorBinding;
  createOutputTensor(metadata: OutputMetadata): tf.Tensor;
  executeMultipleOutputs(
    name: string,
    attributes: OperationAttribute[],
    inputs: readonly tf.Tensor[],
    outputs: number,
  ): tf.Tensor[];
  getInputTensorIds(tensors: readonly tf.Tensor[]): number[];
  loadSavedModelMetaGraph(folder: string, tags: string): number;
  deleteSavedModel(id: number): void;
  getNumOfSavedModels(): number;
  runSavedModel(
    id: number,
    inputs: readonly tf.Tensor[],
    inputInfos: readonly { readonly name: string }[],
    outputs: readonly string[],
  ): tf.Tensor[];
}

/** The native engine's backend, or null while another engine is open. */
export function nativeBackend(): NativeBackend | null {
  return tf.getBackend() === 'tensorflow' ? (tf.backend() as unknown as NativeBackend) : null;
}

/** TensorFlow's numbers of the types that are used here. */
export const DT_FLOAT = 1;
export const DT_INT32 = 3;
export const DT_BOOL = 10;
export const DT_BFLOAT16 = 14;
export const DT_RESOURCE = 20;
export const DT_UINT32 = 22;
export const DT_UINT64 = 23;
