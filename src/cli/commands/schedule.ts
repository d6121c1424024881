import type { Command } from 'commander';
import { z } from 'zod';
import { diffusionSchema } from '../../contract/config.js';
import { noiseSchedule, type NoiseSchedule } from '../../diffusion/noiseSchedule.js';
import { numberOption, optionsOf } from '../options.js';
import { printResult, type OutputOptions } from '../output.js';
import { formatTable } from '../table.js';

const { schedule: kind, timesteps, zeroTerminalSnr } = diffusionSchema.unwrap().shape;
const scheduleOptions = z.strictObject({ kind, timesteps, zeroTerminalSnr });
const defaults = scheduleOptions.parse({});

/** Rows of the table for people; `--json` gives every timestep. */
const TABLE_ROWS = 11;

export function registerScheduleCommand(program: Command): void {
  program
    .command('schedule')
    .description('noise and difficulty (SNR in decibels) of every timestep')
    .option('--kind <kind>', `linear, scaled-linear, cosine or sigmoid (default: ${defaults.kind})`)
    .option('--timesteps <count>', `number of timesteps (default: ${defaults.timesteps})`, numberOption('timesteps'))
    .option('--zero-terminal-snr', 'rescale the schedule so that the last timestep has no signal')
    .option('--json', 'print JSON, with null for the decibels of a timestep without signal')
    .action(({ json, ...values }: OutputOptions & Record<string, unknown>) => {
      const options = optionsOf(scheduleOptions, values);
      const schedule = noiseSchedule({ ...options, schedule: options.kind });
      const alphaBar = Array.from(schedule.alphaBar);
      const result = { alphaBar, snrDb: alphaBar.map((kept, t) => (kept === 0 ? null : schedule.snrDb[t])) };
      printResult({ json }, result, () => scheduleTable(schedule));
    });
}

function scheduleTable({ timesteps, alphaBar, snrDb }: NoiseSchedule): string {
  const rows = Math.min(TABLE_ROWS, timesteps);
  const shown = Array.from({ length: rows }, (_, row) => Math.round((row * (timesteps - 1)) / (rows - 1)));
  return formatTable(
    ['timestep', 'alphaBar', 'SNR dB'],
    shown.map((t) => [String(t), alphaBar[t].toPrecision(6), alphaBar[t] === 0 ? '-inf' : snrDb[t].toFixed(2)]),
  );
}
