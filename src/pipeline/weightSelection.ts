import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { decodeSafetensors, encodeSafetensors } from '../formats/safetensors.js';
import type { WeightArray, Weights } from '../model/weights.js';
import { writeFileAtomic } from '../project/atomicFile.js';

/** Held-out evaluation during a training: the best averaged weights are kept, and training may end early. */
export interface WeightSelection {
  /** Updates between evaluations; the last update is always one. */
  readonly every: number;
  /** Evaluations in a row without improvement before training ends; 0 = never. */
  readonly patience: number;
  /** Lower is better. Must depend on the weights alone. */
  readonly loss: (weights: Weights) => Promise<number>;
}

export const selectionStateSchema = z.object({
  /** Every evaluation so far; null where the loss was not finite. */
  history: z.array(z.object({ update: z.number().int(), loss: z.number().nullable() })),
});
/** What a checkpoint carries of the selection. */
export type SelectionState = z.output<typeof selectionStateSchema>;

/** The evaluation of least loss, the earliest among equals; null while none was finite. */
export function bestEvaluation({ history }: SelectionState): { update: number; loss: number } | null {
  let best: { update: number; loss: number } | null = null;
  for (const { update, loss } of history) {
    if (loss !== null && (best === null || loss < best.loss)) best = { update, loss };
  }
  return best;
}

/** Whether the last `patience` evaluations brought no improvement. */
export function isExhausted(state: SelectionState, patience: number): boolean {
  if (patience === 0) return false;
  const best = bestEvaluation(state);
  const since = state.history.filter(({ update }) => best === null || update > best.update).length;
  return since >= patience;
}

/** The best weights of a training on disk, one file each named by its update, until a checkpoint has made others obsolete. */
export function openBestWeights(folder: string) {
  const best = join(folder, 'best');
  const nameOf = (update: number) => `step-${String(update).padStart(8, '0')}.safetensors`;
  return {
    async write(update: number, weights: Weights): Promise<void> {
      await mkdir(best, { recursive: true });
      await writeFileAtomic(join(best, nameOf(update)), encodeSafetensors(weights));
    },
    async read(update: number): Promise<Weights> {
      const { tensors } = decodeSafetensors(await readFile(join(best, nameOf(update))), nameOf(update));
      return new Map(
        Array.from(tensors, ([name, { shape, data }]): [string, WeightArray] => [
          name,
          { shape, data: data as Float32Array },
        ]),
      );
    },
    async has(update: number): Promise<boolean> {
      return (await readdir(best).catch((): string[] => [])).includes(nameOf(update));
    },
    /** Removes all but the weights of this update; without one, the folder too. */
    async keepOnly(update: number | null): Promise<void> {
      if (update === null) return rm(best, { recursive: true, force: true });
      for (const name of await readdir(best)) {
        if (name !== nameOf(update)) await rm(join(best, name), { force: true });
      }
    },
  };
}

/**
 * The evaluations of a checkpoint whose best weights are on disk. After a fall-back to an older checkpoint they may be gone;
 * earlier evaluations then no longer count.
 */
export async function withKnownWeights(
  state: SelectionState,
  best: Pick<ReturnType<typeof openBestWeights>, 'has'>,
): Promise<SelectionState> {
  const chosen = bestEvaluation(state);
  if (chosen === null || (await best.has(chosen.update))) return state;
  return { history: state.history.map(({ update }) => ({ update, loss: null })) };
}
