import * as tf from '@tensorflow/tfjs-core';
import type { UNetSpec } from '../model/spec.js';
import { unetForward } from '../model/unet.js';
import { GraphBuilder, type GraphValue, type GraphVariable } from '../tensor/graph/graphBuilder.js';
import { DT_FLOAT, DT_INT32, type NativeBackend } from '../tensor/graph/nativeBackend.js';
import { recordOperations } from '../tensor/graph/recording.js';
import type { NodeDef } from '../tensor/graph/savedModel.js';
import { computeIn } from '../tensor/precision.js';
import { BETA1, BETA2 } from './adam.js';
import { kernelGradientsFirst } from './gradientOrder.js';
import { recordDropout, type DropoutPorts } from './dropoutGraph.js';
import { batchTensors, lossesInParts, type BatchTensors } from './loss.js';
import { unpackBuckets, type BucketLayout } from './parameterBuckets.js';
import type { MicroBatch, OptimizerState, StepOptions } from './trainStep.js';

/** The parts of the state, each a variable for every tensor of the network. */
export const STATE_PARTS = ['weights', 'ema', 'firstMoment', 'secondMoment'] as const;

/** Names of the values that one kind of micro-batch is given and gives. */
export interface BatchPorts {
  readonly inputs: Readonly<Record<string, string>>;
  /** Scalar: 1 / images of the whole batch. */
  readonly share: string;
  /** Null without dropout. */
  readonly dropout: DropoutPorts | null;
  /** (N) each, as `lossesInParts` gives them. */
  readonly squaredError: string;
  readonly total: string;
  /** The sum of the squares of all gradients. Fetched, makes the gradients those of this micro-batch. */
  readonly first: string;
  /** The same; fetched, adds this micro-batch's gradients to those there. */
  readonly more: string;
}

/** Names of the values of one part of the state, one for each bucket. */
export interface StatePorts {
  readonly inputs: readonly string[];
  /** Fetched, makes the inputs the state. */
  readonly assign: string;
  readonly outputs: readonly string[];
}

/** A training step as a graph. */
export interface TrainingGraph {
  readonly nodes: readonly NodeDef[];
  readonly layout: BucketLayout;
  readonly state: Readonly<Record<keyof OptimizerState, StatePorts>>;
  /** By kind of micro-batch. */
  readonly batches: ReadonlyMap<string, BatchPorts>;
  /** Fetched, the gradients of the buckets, until they are applied. */
  readonly gradients: readonly string[];
  readonly apply: {
    /** Scalars: factor of the gradients, step size, epsilon, and 1 - decay of the EMA. */
    readonly gradientScale: string;
    readonly stepSize: string;
    readonly epsilon: string;
    readonly addEma: string;
    /** Fetched, updates the state from the gradients and frees these. */
    readonly done: string;
  };
}

/** Variables of one bucket of tensors, flat. */
type Bucket = Readonly<Record<keyof OptimizerState | 'gradient', GraphVariable>> & { readonly shape: [number] };

/**
 * Records the forward pass, its gradients and Adam. State and gradients are variables of the graph, so a step moves nothing
 * but its images. Gradients and their use are separate runs: micro-batches add up in between, and a gradient that is not
 * finite is never used.
 *
 * @param batches one micro-batch of every kind to record; only their shapes matter
 */
export function recordTrainingGraph(
  backend: NativeBackend,
  spec: UNetSpec,
  layout: BucketLayout,
  batches: readonly MicroBatch[],
  options: StepOptions = {},
): TrainingGraph {
  const builder = new GraphBuilder();
  const buckets = layout.buckets.map((slots, index) =>
    bucketVariables(builder, `${index}`, [slots.reduce((sum, { size }) => sum + size, 0)]),
  );
  const recording: Recorder = { backend, builder, spec, layout, buckets, options };
  return {
    layout,
    state: {
      weights: recordState(builder, buckets, 'weights'),
      ema: recordState(builder, buckets, 'ema'),
      firstMoment: recordState(builder, buckets, 'firstMoment'),
      secondMoment: recordState(builder, buckets, 'secondMoment'),
    },
    batches: new Map(batches.map((batch) => [batchKind(batch), recordBatch(recording, batch)])),
    gradients: buckets.map(({ gradient, shape }) => builder.read(gradient, shape).name),
    apply: recordApply(builder, buckets),
    nodes: kernelGradientsFirst(builder.nodes),
  };
}

/** What the parts of the graph are recorded from. */
interface Recorder {
  readonly backend: NativeBackend;
  readonly builder: GraphBuilder;
  readonly spec: UNetSpec;
  readonly layout: BucketLayout;
  readonly buckets: readonly Bucket[];
  readonly options: StepOptions;
}

function bucketVariables(builder: GraphBuilder, name: string, shape: [number]): Bucket {
  const variable = (part: string, fixed: readonly number[] | null) => builder.variable(`${part}/${name}`, fixed);
  return {
    shape,
    weights: variable('weights', shape),
    ema: variable('ema', shape),
    firstMoment: variable('firstMoment', shape),
    secondMoment: variable('secondMoment', shape),
    // Emptied after use: its memory serves the next forward pass.
    gradient: variable('gradient', null),
  };
}

function recordState(builder: GraphBuilder, buckets: readonly Bucket[], part: keyof OptimizerState): StatePorts {
  const inputs = buckets.map(({ shape }, index) => builder.placeholder(`${part}_in/${index}`, shape));
  const assigned = buckets.map((bucket, index) => {
    // A variable shares the memory of what it is assigned, and an update would write into the caller's array.
    const copy = builder.node('DeepCopy', [inputs[index].name], { T: { type: DT_FLOAT } });
    return builder.assign('AssignVariableOp', bucket[part], builder.value(copy, inputs[index]));
  });
  return {
    inputs: inputs.map(({ name }) => name),
    assign: builder.done(`${part}_in`, assigned).name,
    outputs: buckets.map((bucket) => builder.read(bucket[part], bucket.shape).name),
  };
}

function recordBatch(recorder: Recorder, batch: MicroBatch): BatchPorts {
  const { backend, builder, spec, layout, buckets, options } = recorder;
  const prefix = `batch${batchKind(batch)}`;
  const inputs = batchInputs(builder, spec, batch, prefix);
  const share = builder.placeholder(`${prefix}/share`, []);
  const recorded = recordOperations(backend, builder, (recording) => {
    const { dropout: rate } = spec;
    const dropout = rate > 0 ? recordDropout(builder, recording, { rate, count: batch.count, prefix }) : null;
    const tensors = Object.fromEntries(
      Object.entries(inputs).map(([part, value]) => [part, recording.tensor(value)]),
    ) as unknown as BatchTensors;
    let losses: Pick<BatchPorts, 'squaredError' | 'total'> | null = null;
    const loss = (...flat: tf.Tensor[]): tf.Scalar => {
      const network = unpackBuckets(layout, flat as tf.Tensor1D[]);
      const { squaredError, total } = lossesInParts(tensors, ({ xt, timesteps }, first) => {
        const masks = dropout?.masks(first, xt.shape[0]) ?? null;
        return unetForward(spec, network, xt, timesteps, masks, options.gradientCheckpointing);
      });
      losses = { squaredError: recording.value(squaredError).name, total: recording.value(total).name };
      return tf.mul(tf.sum(total), recording.tensor(share));
    };
    const weights = buckets.map(({ weights, shape }) => recording.tensor(builder.read(weights, shape)));
    const { grads } = computeIn(options.precision ?? 'float32', () => tf.valueAndGrads(loss)(weights));
    const gradients = grads.map((gradient) => recording.value(gradient));
    return { ...losses!, gradients, dropout: dropout?.ports ?? null };
  });
  const { gradients, ...ports } = recorded;
  const store = (op: 'AssignVariableOp' | 'AssignAddVariableOp') => {
    const stored = buckets.map(({ gradient }, index) => builder.assign(op, gradient, gradients[index]));
    return recordNorm(recorder, stored);
  };
  return {
    inputs: Object.fromEntries(Object.entries(inputs).map(([part, { name }]) => [part, name])),
    share: share.name,
    ...ports,
    first: store('AssignVariableOp'),
    more: store('AssignAddVariableOp'),
  };
}

/** What decides the shapes of a micro-batch's tensors. */
export function batchKind({ count, bound }: MicroBatch): string {
  return bound ? `${count}-bound` : `${count}`;
}

/** Placeholders for the tensors of a micro-batch. */
function batchInputs(
  builder: GraphBuilder,
  spec: UNetSpec,
  batch: MicroBatch,
  prefix: string,
): Record<string, GraphValue> {
  const inputs: Record<string, GraphValue> = {};
  tf.tidy(() => {
    for (const [part, tensor] of Object.entries(batchTensors(spec, batch)) as [string, tf.Tensor | undefined][]) {
      const type = tensor?.dtype === 'int32' ? DT_INT32 : DT_FLOAT;
      if (tensor) inputs[part] = builder.placeholder(`${prefix}/${part}`, tensor.shape, type);
    }
  });
  return inputs;
}

/** The sum of the squares of the gradients when `stored` have run. One pass over each; the eager step needs several. */
function recordNorm({ builder, buckets }: Recorder, stored: readonly string[]): string {
  const float = { T: { type: DT_FLOAT } };
  const halves = buckets.map(({ gradient, shape }, index) => {
    const { name } = builder.read(gradient, shape, [stored[index]]);
    return `${builder.node('L2Loss', [name], float)}:0`;
  });
  const half = builder.node('AddN', halves, { N: { i: halves.length }, ...float });
  const two = builder.constant([], DT_FLOAT, [2]);
  return `${builder.node('Mul', [`${half}:0`, two.name], float)}:0`;
}

/**
 * Adam and the moving average, as `adamUpdate` computes them. TensorFlow's operation has the bias corrections of its beta
 * powers in the step size; with powers of 0 it takes the step size and epsilon as they are given.
 */
function recordApply(builder: GraphBuilder, buckets: readonly Bucket[]): TrainingGraph['apply'] {
  const scalar = (name: string) => builder.placeholder(`apply/${name}`, []);
  const number = (value: number) => builder.constant([], DT_FLOAT, [value]).name;
  const float = { T: { type: DT_FLOAT } };
  const gradientScale = scalar('gradientScale');
  const stepSize = scalar('stepSize');
  const epsilon = scalar('epsilon');
  const addEma = scalar('addEma');
  const settings = [number(0), number(0), stepSize.name, number(BETA1), number(BETA2), epsilon.name];
  const empty = builder.constant([0], DT_FLOAT, []);
  const updated = buckets.flatMap(({ shape, weights, ema, firstMoment, secondMoment, gradient }) => {
    const scaled = builder.node('Mul', [builder.read(gradient, shape).name, gradientScale.name], float);
    const slots = [weights, firstMoment, secondMoment].map(({ handle }) => handle.name);
    const adam = builder.node('ResourceApplyAdam', [...slots, ...settings, `${scaled}:0`], float);
    const next = builder.read(weights, shape, [adam]);
    // Gradient descent on the distance to the new weights: ema - addEma * (ema - weights), in one pass.
    const away = builder.node('Sub', [builder.read(ema, shape).name, next.name], float);
    return [
      builder.node('ResourceApplyGradientDescent', [ema.handle.name, addEma.name, `${away}:0`], float),
      builder.assign('AssignVariableOp', gradient, empty, [adam]),
    ];
  });
  return {
    gradientScale: gradientScale.name,
    stepSize: stepSize.name,
    epsilon: epsilon.name,
    addEma: addEma.name,
    done: builder.done('apply', updated).name,
  };
}
