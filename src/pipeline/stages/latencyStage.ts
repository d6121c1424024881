import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExperimentConfig } from '../../contract/config.js';
import type { LatencyTable } from '../../contract/results.js';
import { assertReachable, widthSpace } from '../../method/widthSpace.js';
import { writeJsonAtomic } from '../../project/atomicFile.js';
import { LATENCY_FILE } from '../latencyFile.js';
import { measureLatency } from '../measureLatency.js';
import { ProgressMeter } from '../progressMeter.js';
import type { Stage } from '../stage.js';

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
      widths: { minimumKeep, normPolicy, scope },
      batch: sampling.batch,
    },
    async run(context) {
      const { design, engine, folder, signal } = context;
      const space = widthSpace(design.spec, pruning);
      const progress = new ProgressMeter(context.emit, context.stageId, 'width', space.choices.length);
      const measured = await measureLatency(space, {
        batch: sampling.batch,
        signal,
        onWidth: (done) => progress.report(done),
      });
      const { id, version, device, threads } = engine;
      const table: LatencyTable = { engine: { id, version, device, threads }, ...measured };
      const timed = widthSpace(design.spec, pruning, table);
      for (const { budget } of design.groups) assertReachable(timed, budget * design.baseMacs);
      await mkdir(folder, { recursive: true });
      await writeJsonAtomic(join(folder, LATENCY_FILE), table);
      return {};
    },
  };
}
