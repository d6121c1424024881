import { failure, interrupted, type StepAdaptError } from '../contract/errors.js';
import { yieldToEventLoop } from '../tensor/yield.js';
import { emaDecayAt, type EmaSettings } from './ema.js';
import { learningRateAt, type LearningRateCourse } from './learningRate.js';
import type { MicroBatch, StepResult, TrainStep } from './trainStep.js';

/** What the caller learns after each update; the state is consistent then and may be snapshotted. */
interface UpdateInfo {
  /** 1-based count of optimizer updates. */
  readonly update: number;
  readonly result: StepResult;
  readonly learningRate: number;
  /** Wall time of the update with the drawing of its batch, seconds. */
  readonly seconds: number;
}

type UpdateVerdict = void | 'stop';

export interface TrainOptions extends LearningRateCourse {
  readonly step: TrainStep;
  /** Name of what is trained, for messages: `base`, `expert 2`. */
  readonly stage: string;
  /** The batch of an update; must depend on the update alone. */
  readonly nextBatch: (update: number) => MicroBatch[];
  /** Updates already done: the loop starts with the one after. */
  readonly fromUpdate: number;
  /** Field of the config that the rate comes from, for advice. */
  readonly rateField: string;
  /** Largest global gradient norm. */
  readonly clip: number;
  readonly ema: EmaSettings;
  readonly dropout: { readonly seed: number; readonly stream: string };
  /** Awaited after each update, before the next: the place to write checkpoints, samples and metrics. `stop` ends the training. */
  readonly onUpdate: (info: UpdateInfo) => UpdateVerdict | Promise<UpdateVerdict>;
  readonly signal?: AbortSignal;
}

/**
 * Trains from update `fromUpdate + 1` to `steps`, or until `onUpdate` says `stop`. Everything that varies with time is a function of the absolute update, so a
 * loop that goes on from a checkpoint repeats what an uninterrupted one does.
 *
 * @throws `INTERRUPTED` between updates once the signal is aborted
 * @throws failure `NOT_FINITE` when a loss or gradient norm is not a finite number; `onUpdate` is not called for that update
 */
export async function train(options: TrainOptions): Promise<void> {
  const { step, ema, clip, signal } = options;
  for (let update = options.fromUpdate + 1; update <= options.steps; update++) {
    if (signal?.aborted) throw interrupted();
    const started = performance.now();
    const learningRate = learningRateAt(update, options);
    const result = step.update(options.nextBatch(update), {
      update,
      learningRate,
      emaDecay: emaDecayAt(update, ema),
      clip,
      dropoutKey: options.dropout,
    });
    requireFinite(result, update, options);
    const seconds = (performance.now() - started) / 1000;
    if ((await options.onUpdate({ update, result, learningRate, seconds })) === 'stop') return;
    await yieldToEventLoop();
  }
}

function requireFinite(result: StepResult, update: number, options: TrainOptions): void {
  const { loss, gradientNorm, notFinite } = result;
  const value = Number.isFinite(loss) ? gradientNorm : loss;
  if (Number.isFinite(value)) return;
  const what = Number.isFinite(loss) ? 'gradient norm' : 'loss';
  const where = notFinite ? `; the first gradient that is not finite is that of ${notFinite}` : '';
  throw diverged(`${what} became ${value} at step ${update} of ${options.stage}${where}`, options);
}

/** A training whose numbers are not finite any more. Its checkpoints stay; a lower learning rate is offered. */
export function diverged(
  message: string,
  { rateField, learningRate }: Pick<TrainOptions, 'rateField' | 'learningRate'>,
): StepAdaptError {
  const lower = Number((learningRate / 2).toPrecision(3));
  return failure(
    'NOT_FINITE',
    message,
    `the last good checkpoint is kept, but going on from it would lead here again: lower the rate with ` +
      `\`stepadapt run PROJECT --set ${rateField}=${lower}\`; the stages that depend on it begin anew and what they have moves to archive/`,
    { remedy: { field: rateField, value: lower } },
  );
}
