import type { Command } from 'commander';
import { z } from 'zod';
import { pruningSchema, type PruningConfig } from '../../contract/config.js';
import { inputError } from '../../contract/errors.js';
import { rankChannels } from '../../method/channelRanking.js';
import type { TimestepGroup } from '../../method/timestepGroups.js';
import { prunableWidths } from '../../model/prunableWidths.js';
import { loadExperimentData } from '../../pipeline/experimentData.js';
import { inputHashes } from '../../pipeline/inputHash.js';
import { measureImportance } from '../../pipeline/measureImportance.js';
import { openEngineFor } from '../../pipeline/openEngineFor.js';
import { pipelineStages } from '../../pipeline/pipelineStages.js';
import { projectDesign } from '../../pipeline/projectDesign.js';
import { StageStore } from '../../pipeline/stageStore.js';
import { trainedNetwork } from '../../pipeline/trainedWeights.js';
import { openProject, type Project } from '../../project/project.js';
import { badOption, countOption, optionsOf } from '../options.js';
import { printResult, type OutputOptions } from '../output.js';
import { openProgressView } from '../progressView.js';
import { stopOnInterrupt } from '../stopSignal.js';
import { formatTable } from '../table.js';

const criterionOptions = z.strictObject({ criterion: pruningSchema.unwrap().shape.importance.unwrap().optional() });

interface ImportanceOptions extends OutputOptions {
  readonly group: number;
  readonly criterion?: string;
}

interface WidthImportance {
  readonly id: string;
  readonly kind: string;
  readonly width: number;
  /** Agreement of two halves of the evidence on this width's channels. */
  readonly confidence: number | null;
  /** One per channel. */
  readonly scores: readonly number[];
  /** Sets of channels that are removed together, most important first, and the sum of each. */
  readonly sets: readonly { readonly channels: readonly number[]; readonly importance: number }[];
}

export function registerImportanceCommand(program: Command): void {
  program
    .command('importance')
    .argument('<project>', 'project folder or .stepadapt file, its base trained')
    .description('importance of every channel of the base for one timestep group, and how sure it is')
    .requiredOption('--group <index>', 'timestep group, 0 = least noise', countOption('group', 0))
    .option('--criterion <name>', "random, l1, l2, taylor, taylor-squared or diff-pruning (default: the project's)")
    .option('--json', 'print JSON')
    .action(async (path: string, options: ImportanceOptions) => {
      const { criterion } = optionsOf(criterionOptions, { criterion: options.criterion });
      const project = await openProject(path);
      const pruning = { ...project.file.config.pruning, ...(criterion !== undefined && { importance: criterion }) };
      const { group, overall, widths } = await scoreWidths(project, options, pruning);
      const result = {
        group: { index: group.index, from: group.from, to: group.to },
        criterion: pruning.importance,
        confidence: overall,
        widths,
      };
      printResult(options, result, () => {
        const table = formatTable(
          ['width', 'channels', 'mean importance', 'least set', 'confidence'],
          widths.map(({ id, width, scores, sets, confidence }) => [
            id,
            String(width),
            (scores.reduce((sum, score) => sum + score, 0) / width).toExponential(3),
            sets[sets.length - 1].importance.toExponential(3),
            inWords(confidence),
          ]),
        );
        return (
          `group ${group.index}, timesteps ${group.from} to ${group.to - 1}, criterion ${pruning.importance}\n\n${table}\n\n` +
          `confidence over all widths: ${inWords(overall)}`
        );
      });
    });
}

async function scoreWidths(
  project: Project,
  options: ImportanceOptions,
  pruning: PruningConfig,
): Promise<{ group: TimestepGroup; overall: number | null; widths: WidthImportance[] }> {
  const { config } = project.file;
  const store = new StageStore(project);
  const design = await projectDesign(config, store);
  const group = design.groups[options.group] as (typeof design.groups)[number] | undefined;
  if (group === undefined) {
    throw badOption(
      'group',
      `there is no group ${options.group}: the project has groups 0 to ${design.groups.length - 1}`,
    );
  }
  await requireTrainedBase(project, store);
  await openEngineFor(config);
  const view = openProgressView({ json: false });
  const stop = stopOnInterrupt();
  try {
    const { overlap, outsideProbability } = config.experts;
    const { from, to } = group;
    const emit = options.json === true ? () => undefined : view.emit;
    const { train } = await loadExperimentData(project, emit, stop.signal);
    const { scores, confidence } = await measureImportance({
      config,
      design,
      train,
      base: (await trainedNetwork(store, 'base')).weights,
      pruning,
      from,
      to,
      draw: { from, to, timesteps: config.diffusion.timesteps, overlap, outsideProbability },
      // The evidence that the group's expert is pruned by.
      stageId: `experts/${group.index}`,
      emit,
      signal: stop.signal,
    });
    const prunable = prunableWidths(design.spec, pruning);
    const ranking = rankChannels(prunable, scores);
    const widths = prunable.map(({ id, kind, width }): WidthImportance => {
      const { sets, importance } = ranking.get(id)!;
      return {
        id,
        kind,
        width,
        confidence: confidence?.perWidth.get(id) ?? null,
        scores: [...scores.get(id)!],
        sets: sets.map((channels, index) => ({ channels, importance: importance[index] })),
      };
    });
    return { group, overall: confidence?.overall ?? null, widths };
  } finally {
    view.close();
    stop.restore();
  }
}

async function requireTrainedBase(project: Project, store: StageStore): Promise<void> {
  const record = await store.read('base');
  const current = inputHashes(pipelineStages(project.file.config)).get('base');
  if (record?.state === 'done' && record.inputHash === current) return;
  throw inputError(
    'BASE_NOT_TRAINED',
    `the base of ${project.file.name} is not trained for its present config`,
    `run \`stepadapt run ${project.folder} --until base\` first`,
  );
}

function inWords(confidence: number | null): string {
  return confidence === null ? '-' : confidence.toFixed(3);
}
