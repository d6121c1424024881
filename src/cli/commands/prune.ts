import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { Option, type Command } from 'commander';
import { z } from 'zod';
import { configSchema, pruningSchema } from '../../contract/config.js';
import { inputError } from '../../contract/errors.js';
import { keepIndices } from '../../method/allocation.js';
import { rankChannels } from '../../method/channelRanking.js';
import { magnitudeImportance, randomImportance } from '../../method/importance.js';
import { uniformRatioWidths } from '../../method/uniformRatio.js';
import { countModel } from '../../model/countModel.js';
import { readModelFolder, writeModelFolder } from '../../model/diffusersFolder.js';
import { prunableWidths } from '../../model/prunableWidths.js';
import { sliceModel } from '../../model/sliceModel.js';
import { numberOption, optionsOf } from '../options.js';
import { printResult, type OutputOptions } from '../output.js';
import { formatTable } from '../table.js';

/** Criteria that need the weights alone; the others measure gradients, for which a project has data and timestep groups. */
const CRITERIA = ['l2', 'l1', 'random'] as const;
const ROUNDINGS = ['down', 'up'] as const;

const { scope, normPolicy } = pruningSchema.unwrap().shape;
const ruleOptions = z
  .strictObject({
    ratio: z.number().min(0).lt(1),
    seed: configSchema.shape.seed,
    scope,
    policy: normPolicy.unwrap().optional(),
  })
  // Whole norm groups cannot be removed from streams, so the scope decides what is meant by no policy.
  .transform(({ policy, ...rest }) => ({
    ...rest,
    normPolicy: policy ?? (rest.scope === 'all' ? ('equal-per-group' as const) : normPolicy.parse(undefined)),
  }));

interface PruneOptions extends OutputOptions {
  readonly model: string;
  readonly out: string;
  readonly criterion: (typeof CRITERIA)[number];
  readonly rounding: (typeof ROUNDINGS)[number];
  readonly ratio: number;
  readonly seed?: number;
  readonly scope?: string;
  readonly policy?: string;
}

export function registerPruneCommand(program: Command): void {
  program
    .command('prune')
    .description('remove one ratio of the channels everywhere from a diffusers folder, without tuning')
    .requiredOption('--model <folder>', 'diffusers folder')
    .requiredOption('--ratio <ratio>', 'channels to remove, from 0 to below 1', numberOption('ratio'))
    .requiredOption('--out <folder>', 'folder that gets the pruned model')
    .addOption(new Option('--criterion <name>', 'importance of a channel').choices(CRITERIA).default('l2'))
    .option('--scope <scope>', 'widths that shrink: inner, inner+attention or all (default: inner)')
    .option(
      '--policy <policy>',
      'channels under a GroupNorm: whole-groups, equal-per-group or gcd (default: whole-groups; equal-per-group with --scope all)',
    )
    .addOption(
      new Option('--rounding <way>', "of removals that are no whole set: down as Diff-Pruning's, up as Torch-Pruning's")
        .choices(ROUNDINGS)
        .default('down'),
    )
    .option('--seed <n>', 'seed of the random criterion (default: 0)', numberOption('seed'))
    .option('--json', 'print JSON')
    .action(async (options: PruneOptions) => {
      const { model, out, criterion, rounding } = options;
      const { ratio, seed, ...rule } = optionsOf(ruleOptions, {
        ratio: options.ratio,
        seed: options.seed,
        scope: options.scope,
        policy: options.policy,
      });
      const { spec, weights } = await readModelFolder(model);
      const widths = prunableWidths(spec, rule);
      const scores =
        criterion === 'random' ? randomImportance(widths, seed) : magnitudeImportance(widths, weights, criterion);
      const chosen = uniformRatioWidths(widths, ratio, rounding);
      const pruned = sliceModel(spec, weights, keepIndices(rankChannels(widths, scores), chosen), rule);
      await refuseExisting(out);
      await writeModelFolder(out, pruned.spec, pruned.weights);

      const [before, after] = [countModel(spec), countModel(pruned.spec)];
      const result = {
        out,
        requested: ratio,
        rule: { ...rule, rounding, criterion },
        widths: widths.map(({ id, kind, width }) => ({ id, kind, full: width, kept: chosen.get(id)! })),
        before,
        after,
        effective: {
          channels: 1 - share(widths.map(({ id, width }) => [chosen.get(id)!, width])),
          macs: 1 - after.macs / before.macs,
          parameters: 1 - after.parameters / before.parameters,
        },
      };
      printResult(options, result, () => {
        const row = (name: string, part: 'parameters' | 'macs' | 'macsPublished') => [
          name,
          before[part].toLocaleString('en'),
          after[part].toLocaleString('en'),
          `${(100 * (1 - after[part] / before[part])).toFixed(2)} %`,
        ];
        const table = formatTable(
          ['count', 'before', 'after', 'removed'],
          [
            row('parameters', 'parameters'),
            row('MACs, convolutions and linear layers', 'macs'),
            row("MACs, Diff-Pruning's convention", 'macsPublished'),
          ],
        );
        const channels = (100 * result.effective.channels).toFixed(2);
        return `${table}\n\nasked for ${(100 * ratio).toFixed(2)} % of the channels of ${widths.length} widths, removed ${channels} %\nmodel in ${out}`;
      });
    });
}

/** Kept share of all channels. */
function share(counts: readonly (readonly [kept: number, full: number])[]): number {
  const sum = (part: 0 | 1) => counts.reduce((total, count) => total + count[part], 0);
  return sum(0) / sum(1);
}

/** @throws `MODEL_EXISTS` where `writeModelFolder` would replace a model */
async function refuseExisting(out: string): Promise<void> {
  try {
    await access(join(out, 'unet'));
  } catch {
    return;
  }
  throw inputError('MODEL_EXISTS', `${out} already holds a model`, 'choose another folder, or remove that one first');
}
