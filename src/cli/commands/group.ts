import type { Command } from 'commander';
import { z } from 'zod';
import { diffusionSchema, groupingSchema } from '../../contract/config.js';
import { noiseSchedule, type NoiseSchedule } from '../../diffusion/noiseSchedule.js';
import { partitionTimesteps } from '../../method/partition.js';
import { groupsFromBounds } from '../../method/timestepGroups.js';
import { badOption, numberListOption, numberOption, optionsOf } from '../options.js';
import { printResult, type OutputOptions } from '../output.js';
import { formatTable } from '../table.js';

const groupOptions = z.strictObject({
  ...diffusionSchema.unwrap().pick({ schedule: true, timesteps: true, zeroTerminalSnr: true }).shape,
  ...groupingSchema.unwrap().shape,
});

export function registerGroupCommand(program: Command): void {
  addGroupingOptions(
    program.command('group').description('partition of the timesteps into groups'),
    groupOptions.parse({}),
  )
    .option('--json', 'print JSON')
    .action(({ json, ...values }: OutputOptions & Record<string, unknown>) => {
      refuseContradictions(values);
      const options = optionsOf(groupOptions, values);
      const schedule = noiseSchedule(options);
      const { bounds, cost, provisional } = partitionTimesteps(options, schedule);
      const note = provisional ? `\n${PROVISIONAL_BOUNDS}` : '';
      printResult(
        { json },
        { bounds, cost, provisional },
        () => `${groupTable(bounds, schedule)}\n\ncost ${cost.toFixed(3)}${note}`,
      );
    });
}

/** For groupings by similarity, which needs a trained base. */
export const PROVISIONAL_BOUNDS =
  'bounds are provisional, from difficulty alone: gradient similarity is measured once the base is trained';

/** Bounds take the place of a method, and say how many groups and timesteps there are. */
export function refuseContradictions(given: Readonly<Record<string, unknown>>): void {
  if (!Array.isArray(given.bounds)) return;
  const groups = given.bounds.length - 1;
  if (given.method !== undefined) throw badOption('bounds', 'cannot be used with --method');
  if (given.groups !== undefined && given.groups !== groups) {
    throw badOption('bounds', `${groups} groups, but --groups says ${String(given.groups)}`);
  }
}

/**
 * The options that describe a schedule and its partition, with the names that the schema gives them. Commander is not told the
 * defaults, so that an option left out can be told from one given.
 * @param defaults shown in the help
 */
export function addGroupingOptions(command: Command, defaults: z.output<typeof groupOptions>): Command {
  return command
    .option(
      '--schedule <kind>',
      `noise schedule: linear, scaled-linear, cosine or sigmoid (default: ${defaults.schedule})`,
    )
    .option('--zero-terminal-snr', 'rescale the schedule so that the last timestep has no signal')
    .option('--timesteps <count>', `number of timesteps (default: ${defaults.timesteps})`, numberOption('timesteps'))
    .option(
      '--method <method>',
      `${groupingSchema.unwrap().shape.method.unwrap().options.join(', ')} (default: ${defaults.method})`,
    )
    .option('--groups <count>', `number of groups (default: ${defaults.groups})`, numberOption('groups'))
    .option(
      '--bounds <timesteps...>',
      'bounds of the groups, such as 0,200,1000, in place of a method',
      numberListOption('bounds'),
    )
    .option('--clip-db <decibels>', 'snr-uniform: clip the decibels to this magnitude', numberOption('clipDb'))
    .option('--min-size <timesteps>', 'smallest group', numberOption('minSize'))
    .option('--max-size <timesteps>', 'largest group', numberOption('maxSize'));
}

function groupTable(bounds: readonly number[], { snrDb }: NoiseSchedule): string {
  return formatTable(
    ['group', 'from', 'to', 'timesteps', 'SNR dB first', 'SNR dB last'],
    groupsFromBounds(bounds).map(({ index, from, to }) => [
      String(index),
      String(from),
      String(to),
      String(to - from),
      snrDb[from].toFixed(2),
      snrDb[to - 1].toFixed(2),
    ]),
  );
}
