import type { Command } from 'commander';
import { z } from 'zod';
import { budgetSchema, diffusionSchema, groupingSchema, samplingSchema } from '../../contract/config.js';
import { noiseSchedule } from '../../diffusion/noiseSchedule.js';
import { assignBudgets, type BudgetAssignment } from '../../method/budget.js';
import { partitionTimesteps } from '../../method/partition.js';
import { groupsFromBounds } from '../../method/timestepGroups.js';
import { visitedTimesteps } from '../../sampling/timestepGrid.js';
import { badOption, numberListOption, numberOption, optionsOf } from '../options.js';
import { printResult, type OutputOptions } from '../output.js';
import { formatTable } from '../table.js';
import { addGroupingOptions, refuseContradictions } from './group.js';

const grouping = groupingSchema.unwrap().shape;
const sampling = samplingSchema.unwrap().shape;
const budgetOptions = z.strictObject({
  ...diffusionSchema.unwrap().pick({ schedule: true, timesteps: true, zeroTerminalSnr: true }).shape,
  ...grouping,
  // The textbook case of the linear rule: groups of equal length.
  method: grouping.method.unwrap().default('uniform'),
  ...budgetSchema.unwrap().shape,
  sampler: sampling.method,
  steps: sampling.steps.unwrap().optional(),
  grid: sampling.grid,
});
type BudgetOptions = z.output<typeof budgetOptions>;
const defaults = budgetOptions.parse({});

export function registerBudgetCommand(program: Command): void {
  addGroupingOptions(
    program.command('budget').description('compute ratio of each group, and the exact mean for a sampler'),
    defaults,
  )
    .option('--rule <rule>', `linear or explicit; measured needs a trained base (default: ${defaults.rule})`)
    .option('--ratios <ratios...>', 'explicit: ratio of each group, least noise first', numberListOption('ratios'))
    .option('--k <ratio>', 'smallest ratio of the linear rule', numberOption('k'))
    .option(
      '--target-mean <ratio>',
      `solve k for this mean over the steps the sampler visits (default: ${defaults.targetMean})`,
      numberOption('targetMean'),
    )
    .option(
      '--index-base <base>',
      `first index of the linear rule, 0 or 1 (default: ${defaults.indexBase})`,
      numberOption('indexBase'),
    )
    .option(
      '--orientation <end>',
      `which end gets the largest model: high-snr or low-snr (default: ${defaults.orientation})`,
    )
    .option('--sampler <sampler>', `ddim or ddpm (default: ${defaults.sampler})`)
    .option('--steps <count>', 'sampling steps; every timestep without it', numberOption('steps'))
    .option('--grid <grid>', `timesteps the sampler visits: uniform, quadratic or trailing (default: ${defaults.grid})`)
    .option('--json', 'print JSON')
    .action(({ json, ...values }: OutputOptions & Record<string, unknown>) => {
      refuseContradictions(values);
      refuseContradictoryBudgets(values);
      const options = optionsOf(budgetOptions, values);
      const bounds = chosenBounds(options, values);
      const timesteps = bounds[bounds.length - 1];
      const visited = visitedTimesteps(
        { method: options.sampler, steps: options.steps ?? timesteps, grid: options.grid },
        timesteps,
      );
      const result = assignBudgets(options, bounds, visited);
      printResult({ json }, result, () => budgetTable(bounds, result));
    });
}

function refuseContradictoryBudgets(given: Readonly<Record<string, unknown>>): void {
  if (given.k !== undefined && given.targetMean !== undefined)
    throw badOption('k', 'cannot be used with --target-mean');
  if (given.ratios !== undefined && given.rule !== 'explicit')
    throw badOption('ratios', 'can only be used with --rule explicit');
}

/** Bounds alone are enough for a budget: they say how many timesteps there are. */
function chosenBounds(options: BudgetOptions, given: Readonly<Record<string, unknown>>): readonly number[] {
  const { bounds } = options;
  if (bounds === null) return partitionTimesteps(options, noiseSchedule(options)).bounds;
  const groups = groupsFromBounds(bounds);
  if (given.timesteps !== undefined && given.timesteps !== groups[groups.length - 1].to) {
    throw badOption('bounds', `ends with ${groups[groups.length - 1].to}, but --timesteps says ${given.timesteps}`);
  }
  return bounds;
}

function budgetTable(bounds: readonly number[], { k, perGroup, visited, mean, provisional }: BudgetAssignment): string {
  const table = formatTable(
    ['group', 'from', 'to', 'budget', 'steps visited'],
    groupsFromBounds(bounds).map(({ index, from, to }) => [
      String(index),
      String(from),
      String(to),
      perGroup[index].toFixed(4),
      String(visited[index]),
    ]),
  );
  const note = provisional
    ? '\nranks are provisional, from the orientation: losses are measured once the base is trained'
    : '';
  return `${table}\n\nk ${k.toFixed(4)}, mean over the visited steps ${mean.toFixed(4)}${note}`;
}
