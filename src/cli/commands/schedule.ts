import type { Command } from 'commander';
import { z } from 'zod';
import { diffusionSchema } from '../../contract/config.js';
import { noiseSchedule, type NoiseSchedule } from '../../diffusion/noiseSchedule.js';
import { numberOption, optionsOf } from '../options.js';
import { printResult, type OutputOptions } from '../output.js';
import { formatTable } from '../table.js';

const { schedule: kindSchema, timesteps: timestepsSchema } = diffusionSchema.unwrap().shape;
const scheduleOptions = z.strictObject({ kind: kindSchema, timesteps: timestepsSchema });
const defaults = scheduleOptions.parse({});

/** Rows of the table for people; `--json` gives every timestep. */
const TABLE_ROWS = 11;

export function registerScheduleCommand(program: Command): void {
  program
    .command('schedule')
    .description('noise and difficulty (SNR in decibels) of every timestep')
    .option('--kind <kind>', `linear or cosine (default: ${defaults.kind})`)
    .option('--timesteps <count>', `number of timesteps (default: ${defaults.timesteps})`, numberOption('timesteps'))
    .option('--json', 'print JSON')
    .action(({ json, ...values }: OutputOptions & Record<string, unknown>) => {
      const { kind, timesteps } = optionsOf(scheduleOptions, values);
      const schedule = noiseSchedule({ schedule: kind, timesteps });
      const result = { alphaBar: Array.from(schedule.alphaBar), snrDb: Array.from(schedule.snrDb) };
      printResult({ json }, result, () => scheduleTable(schedule));
    });
}

function scheduleTable({ timesteps, alphaBar, snrDb }: NoiseSchedule): string {
  const rows = Math.min(TABLE_ROWS, timesteps);
  const shown = Array.from({ length: rows }, (_, row) => Math.round((row * (timesteps - 1)) / (rows - 1)));
  return formatTable(
    ['timestep', 'alphaBar', 'SNR dB'],
    shown.map((t) => [String(t), alphaBar[t].toPrecision(6), snrDb[t].toFixed(2)]),
  );
}
