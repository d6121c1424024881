import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExperimentConfig } from '../../contract/config.js';
import type { LatencyTable } from '../../contract/results.js';
import { assertReachable, widthSpace } from '../../method/widthSpace.js';
import { writeJsonAtomic } from '../../project/atomicFile.js';
import { LATENCY_FILE, readLatencyTable } from '../latencyFile.js';
import { measureLatency } from '../measureLatency.js';
import { ProgressMeter } from '../progressMeter.js';
import type { Stage, StageContext } from '../stage.js';
import { multipleInput } from '../widthMultiple.js';

/**
 * Times every prunable width on this machine, once. All pruning reads the recorded table, so that a project decides the same
 * however busy the machine is later; remove the stage's folder to measure again.
 */
export function latencyStage(config: ExperimentConfig): Stage {
  const { data, diffusion, model, pruning, sampling } = config;
  const { minimumKeep, normPolicy, scope } = pruning;
  return {
    id: 'latency',
    after: [],
    inputs: {
      network: { size: data.size, channels: data.channels, variance: diffusion.variance, model },
      widths: { minimumKeep, normPolicy, scope, ...multipleInput(pruning) },
      batch: sampling.batch,
    },
    async run(context) {
      const { design } = context;
      const table = (await recordedTable(context)) ?? (await recordTimes(context));
      const timed = widthSpace(design.spec, pruning, table);
      for (const { budget } of design.groups) assertReachable(timed, budget * design.baseMacs);
      return {};
    },
  };
}

/** What an earlier run measured before it found that the budgets of that time cannot be reached. */
async function recordedTable({ store }: StageContext): Promise<LatencyTable | null> {
  try {
    return await readLatencyTable(store);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

async function recordTimes(context: StageContext): Promise<LatencyTable> {
  const { config, design, engine, folder, signal } = context;
  const space = widthSpace(design.spec, config.pruning);
  const progress = new ProgressMeter(context.emit, context.stageId, 'width', space.choices.length);
  const measured = await measureLatency(space, {
    batch: config.sampling.batch,
    signal,
    onWidth: (done) => progress.report(done),
  });
  const { id, version, device, threads } = engine;
  const table: LatencyTable = { engine: { id, version, device, threads }, ...measured };
  await mkdir(folder, { recursive: true });
  await writeJsonAtomic(join(folder, LATENCY_FILE), table);
  return table;
}
