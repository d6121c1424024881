import * as tf from '@tensorflow/tfjs-core';
import type { GraphBuilder, GraphValue } from './graphBuilder.js';
import {
  ATTRIBUTE_KIND as KIND,
  DT_FLOAT,
  DT_INT32,
  type NativeBackend,
  type OperationAttribute,
  type TensorBinding,
} from './nativeBackend.js';
import type { AttrValue } from './savedModel.js';

/** First identifier of recorded values; the binding numbers its tensors from zero. */
const FIRST_ID = 2 ** 30;

/** The recording that is under way: operations know nothing of it, and so neither does what calls them. */
let current: { readonly builder: GraphBuilder; readonly recording: Recording } | null = null;

/** Moves between tensors and the graph's values while operations are recorded. */
export interface Recording {
  /** A tensor that stands for a value of the graph. */
  tensor<T extends tf.Tensor>(value: GraphValue): T;
  /** The value that a tensor stands for. */
  value(tensor: tf.Tensor): GraphValue;
}

/**
 * Runs `record` with an engine that computes nothing: every operation becomes a node of `builder`, and every tensor made from
 * numbers a constant. What is recorded is therefore just what the same code would compute, with its gradients. Tensors made
 * meanwhile are gone afterwards.
 *
 * @throws Error for an operation without a shape rule, when a tensor's contents are asked for, and when a tensor from outside
 *   takes part
 */
export function recordOperations<T>(
  backend: NativeBackend,
  builder: GraphBuilder,
  record: (recording: Recording) => T,
): T {
  const { binding } = backend;
  const values = new RecordedValues();
  backend.binding = recordingBinding(binding, builder, values);
  tf.engine().startScope();
  const recording: Recording = {
    tensor: <T extends tf.Tensor>(value: GraphValue) =>
      backend.createOutputTensor({ id: values.add(value), shape: [...value.shape], dtype: value.dtype }) as T,
    value: (tensor) => values.get(backend.getInputTensorIds([tensor])[0]),
  };
  current = { builder, recording };
  try {
    return record(recording);
  } finally {
    current = null;
    tf.engine().endScope();
    backend.binding = binding;
  }
}

/**
 * Runs `compute`; when its operations are recorded, none of them will run before `tensor` is there. They stay apart from the same
 * operations recorded before, which TensorFlow would otherwise compute once and keep.
 */
export function recordedAfter<T>(tensor: tf.Tensor, compute: () => T): T {
  if (current === null) return compute();
  const { builder, recording } = current;
  return builder.after(recording.value(tensor), compute);
}

/** The graph's values by the identifiers under which tfjs-node knows them. */
class RecordedValues {
  private readonly values: GraphValue[] = [];

  add(value: GraphValue): number {
    return FIRST_ID + this.values.push(value) - 1;
  }

  get(id: number): GraphValue {
    if (!this.has(id)) throw new Error('a tensor from outside takes part');
    return this.values[id - FIRST_ID];
  }

  has(id: number): boolean {
    return id - FIRST_ID in this.values;
  }
}

/** A binding with all the constants of the real one, whose calls write nodes. */
function recordingBinding(real: TensorBinding, builder: GraphBuilder, values: RecordedValues): TensorBinding {
  const calls: TensorBinding = {
    createTensor: (shape, dtype, contents) => {
      if (dtype !== DT_FLOAT && dtype !== DT_INT32) throw new Error(`constants of type ${dtype} are not recorded`);
      return values.add(builder.constant(shape, dtype, contents));
    },
    executeOp: (name, attributes, inputs) => {
      const operands = inputs.map((id) => values.get(id));
      const complete = withTypes(name, attributes, operands);
      const plain = new Map(complete.map((attribute) => [attribute.name, attribute.value]));
      const encoded = Object.fromEntries(complete.map((attribute) => [attribute.name, attributeValue(attribute)]));
      return builder
        .operation(name, operands, plain, encoded)
        .map((value) => ({ id: values.add(value), shape: [...value.shape], dtype: value.dtype }));
    },
    tensorDataSync: () => {
      throw new Error('the contents of a tensor were asked for');
    },
    deleteTensor: (id) => {
      if (!values.has(id)) real.deleteTensor(id);
    },
    getNumOfTensors: () => real.getNumOfTensors(),
  };
  return Object.create(real, Object.getOwnPropertyDescriptors(calls)) as TensorBinding;
}

/** Eager execution infers types that tfjs-node does not give; a graph must name them. */
function withTypes(
  op: string,
  attributes: readonly OperationAttribute[],
  inputs: readonly GraphValue[],
): readonly OperationAttribute[] {
  if (op !== 'ExpandDims') return attributes;
  return [
    ...attributes,
    { name: 'T', type: KIND.type, value: inputs[0].dtype },
    { name: 'Tdim', type: KIND.type, value: inputs[1].dtype },
  ];
}

function attributeValue({ name, type, value }: OperationAttribute): AttrValue {
  switch (type) {
    case KIND.string:
      return { s: new TextEncoder().encode(value as string) };
    case KIND.int:
      return Array.isArray(value) ? { list: { i: value as number[] } } : { i: value as number };
    case KIND.float:
      return { f: value as number };
    case KIND.bool:
      return { b: value as boolean };
    case KIND.type:
      return { type: value as number };
    default:
      throw new Error(`attribute ${name} of kind ${type} is not recorded`);
  }
}
