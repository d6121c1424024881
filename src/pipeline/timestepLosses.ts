import { heldOutLoss, heldOutSet } from '../training/heldOutLoss.js';
import type { EvaluatedModel, TimestepLoss } from './evaluationResult.js';
import { TIMESTEP_BINS } from './lossMetrics.js';
import type { StageContext } from './stage.js';
import { trainedNetwork } from './trainedWeights.js';

/** Held-out images, noises and timesteps per bin, the same for every model. */
const PER_BIN = 16;

/** Forward passes that one model's curve takes. */
export const TIMESTEP_LOSS_IMAGES = TIMESTEP_BINS * PER_BIN;

/**
 * Mean held-out loss of a model in equal bins over [0, T), least noise first: difficulty by timestep, and where the experts gain or lose.
 * The adaptive model's timesteps go to the expert in charge.
 */
export async function timestepLosses(context: StageContext, model: EvaluatedModel): Promise<number[]> {
  const { config, design, data, store, signal } = context;
  const { timesteps } = config.diffusion;
  const set = heldOutSet({
    heldOut: data.heldOut,
    objective: design.objective,
    from: 0,
    to: timesteps,
    images: TIMESTEP_LOSS_IMAGES,
    // Neither the search's triples nor those that weights were chosen on.
    seed: config.seed + 3,
  });
  const parts =
    model === 'adaptive'
      ? design.groups.map(({ index, from, to }) => ({ id: `experts/${index}`, from, to }))
      : [{ id: model, from: 0, to: timesteps }];
  const sums = new Float64Array(TIMESTEP_BINS);
  const counts = new Float64Array(TIMESTEP_BINS);
  for (const { id, from, to } of parts) {
    const { spec, weights } = await trainedNetwork(store, id);
    // Timesteps ascend, so a batch at a border is seen by both experts, and each keeps its own.
    const batches = set.filter((batch) => batch.timesteps.some((timestep) => timestep >= from && timestep < to));
    const { perImage } = await heldOutLoss(spec, weights, batches, signal);
    batches
      .flatMap((batch) => [...batch.timesteps])
      .forEach((timestep, place) => {
        if (timestep < from || timestep >= to) return;
        const bin = Math.floor((timestep * TIMESTEP_BINS) / timesteps);
        sums[bin] += perImage[place];
        counts[bin] += 1;
      });
  }
  return [...sums].map((sum, bin) => sum / counts[bin]);
}

/** The bins with the models' losses side by side, in the order of `losses`. */
export function tabulateLosses(losses: readonly (readonly number[])[], timesteps: number): TimestepLoss[] {
  const border = (bin: number) => Math.ceil((bin * timesteps) / TIMESTEP_BINS);
  return (
    Array.from({ length: TIMESTEP_BINS }, (_, bin) => ({
      from: border(bin),
      to: border(bin + 1),
      losses: losses.map((values) => values[bin]),
    }))
      // Fewer timesteps than bins leave some without any.
      .filter(({ from, to }) => from < to)
  );
}
