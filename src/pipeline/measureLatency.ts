import * as tf from '@tensorflow/tfjs-core';
import { interrupted } from '../contract/errors.js';
import type { LatencyTable } from '../contract/results.js';
import type { WidthChoice, WidthSpace } from '../method/widthSpace.js';
import { networkLayers } from '../model/layers.js';
import { runtimeShape, type RuntimeWeights } from '../model/runtimeWeights.js';
import type { UNetSpec } from '../model/spec.js';
import { tensorShapes } from '../model/tensorShapes.js';
import { blockForward, unetForward } from '../model/unet.js';
import { withWidths } from '../model/withWidths.js';
import { compileFunction } from '../tensor/graph/compiledFunction.js';
import { nativeBackend } from '../tensor/graph/nativeBackend.js';
import { yieldToEventLoop } from '../tensor/yield.js';

/** Widths that are timed, spread evenly over the legal ones; time between them is interpolated. */
const POINTS = 5;
/** Timed calls of each; the median counts. */
const REPETITIONS = 9;

export interface LatencyOptions {
  /** Images of a forward pass, as the sampler draws them. */
  readonly batch: number;
  readonly signal?: AbortSignal;
  /** Called with the number of widths done. */
  readonly onWidth?: (done: number) => void;
}

/**
 * Times the blocks of a network at several of their legal widths, each alone, the way the sampler runs them: recorded on the
 * native engine, eager elsewhere. Widths of one block take turns, so that whatever else the machine does weighs on all alike;
 * blocks of equal shape are timed once. Needs an open engine and leaves no tensor behind.
 */
export async function measureLatency(
  space: WidthSpace,
  { batch, signal, onWidth }: LatencyOptions,
): Promise<Omit<LatencyTable, 'engine'>> {
  const known = new Map<string, number[]>();
  const widths: LatencyTable['widths'] = [];
  for (const choice of space.choices) {
    if (signal?.aborted) throw interrupted();
    const timed = timedWidths(choice);
    const variants = timed.map((width) => {
      const spec = withWidths(space.spec, new Map([[choice.id, width]]), space.rule);
      return blockOf(spec, choice.id, batch);
    });
    const shape = JSON.stringify(variants.map(({ signature }) => signature));
    if (!known.has(shape)) known.set(shape, medians(variants.map(({ prepare }) => prepare)));
    const milliseconds = known.get(shape)!;
    widths.push({
      id: choice.id,
      full: choice.full,
      points: timed.map((width, index) => ({ width, milliseconds: milliseconds[index] })),
    });
    onWidth?.(widths.length);
    await yieldToEventLoop();
  }
  const [whole] = medians([() => prepareNetwork(space.spec, batch)]);
  return { batch, baseMilliseconds: Math.max(whole, sumOfBlocks(widths)), widths };
}

/** Blocks cannot take longer than the network that they are part of, though noise may say so. */
function sumOfBlocks(widths: LatencyTable['widths']): number {
  const full = new Map(widths.map(({ id, points }) => [blockName(id), points[points.length - 1].milliseconds]));
  return [...full.values()].reduce((sum, milliseconds) => sum + milliseconds, 0);
}

function timedWidths({ full, minimum, unit }: WidthChoice): number[] {
  const units = (full - minimum) / unit;
  const steps = Math.min(POINTS - 1, units);
  return Array.from({ length: steps + 1 }, (_, k) => minimum + unit * Math.round((k * units) / Math.max(1, steps)));
}

/** `down_blocks.0.resnets.0.inner` is a width of `down_blocks.0.resnets.0`. */
function blockName(widthId: string): string {
  return widthId.slice(0, widthId.lastIndexOf('.'));
}

/** Something to time: makes its inputs, and gives back what to call and how to free it. */
type Prepare = () => { call: () => void; dispose: () => void };

function blockOf(spec: UNetSpec, widthId: string, batch: number): { signature: unknown; prepare: Prepare } {
  const name = blockName(widthId);
  const first = networkLayers(spec).find((layer) => layer.name.startsWith(`${name}.`) && layer.kind === 'norm')!;
  const { channels, side } = first as Extract<typeof first, { kind: 'norm' }>;
  const shapes = [...tensorShapes(spec)].filter(([tensor]) => tensor.startsWith(`${name}.`));
  // Tensors of equal shape behind equal names are the same work, wherever the block is.
  const signature = [side, shapes.map(([tensor, shape]) => [tensor.slice(name.length), shape])];
  const forward = (x: tf.Tensor, time: tf.Tensor, weights: RuntimeWeights) =>
    blockForward(spec, weights, name, x as tf.Tensor4D, time as tf.Tensor2D);
  const inputs = () => [tf.randomNormal([batch, side, side, channels]), tf.randomNormal([batch, spec.time.out])];
  return { signature, prepare: () => prepareCall(inputs, shapes, forward) };
}

function prepareNetwork(spec: UNetSpec, batch: number): ReturnType<Prepare> {
  return prepareCall(
    () => [tf.randomNormal([batch, spec.size, spec.size, spec.inChannels]), tf.fill([batch], 1, 'int32')],
    [...tensorShapes(spec)],
    (x, timesteps, weights) => unetForward(spec, weights, x as tf.Tensor4D, timesteps as tf.Tensor1D, null),
  );
}

/** Weights are random: values do not decide the time. */
function prepareCall(
  makeInputs: () => [tf.Tensor, tf.Tensor] | tf.Tensor[],
  shapes: readonly (readonly [string, readonly number[]])[],
  forward: (x: tf.Tensor, condition: tf.Tensor, weights: RuntimeWeights) => tf.Tensor,
): ReturnType<Prepare> {
  const names = shapes.map(([name]) => name);
  const inputs = tf.tidy(() => [
    ...makeInputs(),
    ...shapes.map(([, shape]) => tf.randomNormal(runtimeShape(shape), 0, 0.05)),
  ]);
  const eager = ([x, condition, ...weights]: readonly tf.Tensor[]) =>
    forward(x, condition, new Map(names.map((name, index) => [name, weights[index]])));
  const backend = nativeBackend();
  const compiled = backend === null ? null : compileFunction(backend, inputs, (tensors) => [eager(tensors)]);
  return {
    // Reading the result waits for it, also where work is queued on a device.
    call: () => tf.tidy(() => void (compiled === null ? eager(inputs) : compiled.run(inputs)[0]).dataSync()),
    dispose: () => {
      compiled?.dispose();
      tf.dispose(inputs);
    },
  };
}

/** Median milliseconds of each, taking turns, after a first turn that is not timed. */
function medians(prepared: readonly Prepare[]): number[] {
  const runs = prepared.map((prepare) => prepare());
  try {
    const times = runs.map((): number[] => []);
    for (let turn = 0; turn <= REPETITIONS; turn++) {
      runs.forEach(({ call }, index) => {
        const started = performance.now();
        call();
        if (turn > 0) times[index].push(performance.now() - started);
      });
    }
    return times.map((list) => list.sort((a, b) => a - b)[list.length >> 1]);
  } finally {
    for (const { dispose } of runs) dispose();
  }
}
