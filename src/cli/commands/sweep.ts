import { dirname, isAbsolute, relative, resolve } from 'node:path';
import type { Command } from 'commander';
import { inputError } from '../../contract/errors.js';
import { readInputFile } from '../../formats/inputFile.js';
import { parseJson } from '../../formats/json.js';
import { runSweep } from '../../pipeline/sweep/runSweep.js';
import { expandSweep, parseSweep } from '../../pipeline/sweep/sweepFile.js';
import { tabulateSweep, writeSweepTable } from '../../pipeline/sweep/tabulateSweep.js';
import type { OutputOptions } from '../output.js';
import { openProgressView } from '../progressView.js';
import { stopOnInterrupt } from '../stopSignal.js';
import { describeSweep } from '../sweepTable.js';

interface SweepOptions extends OutputOptions {
  readonly folder?: string;
}

const MAX_SWEEP_BYTES = 2 ** 20;

export function registerSweepCommand(program: Command): void {
  program
    .command('sweep')
    .argument('<file>', 'JSON: { base, set, vary, baselines, folder }')
    .description('run many projects, share what they have in common, and tabulate mean and spread over seeds')
    .option('--folder <path>', "where projects and tables go, in place of the file's folder")
    .option('--json', 'print JSON lines; the last one is the result')
    .action(async (file: string, options: SweepOptions) => {
      const sweep = parseSweep(await readJson(file), file);
      const points = expandSweep(sweep);
      const folder = options.folder === undefined ? folderBelow(file, sweep.folder) : resolve(options.folder);
      const view = openProgressView(options);
      const stop = stopOnInterrupt();
      try {
        const outcomes = await runSweep(points, { folder, emit: view.emit, signal: stop.signal });
        const table = await tabulateSweep(outcomes);
        await writeSweepTable(folder, table);
        view.close();
        if (options.json === true) view.emit({ type: 'result', result: { folder, ...table } });
        else process.stdout.write(`${describeSweep(table)}\n\ntables: ${folder}/sweep.csv and sweep.json\n`);
        if (table.failures.length > 0) process.exitCode = 1;
      } finally {
        view.close();
        stop.restore();
      }
    });
}

/** The folder that the file names. A file may come from anybody, so it writes below the place where it lies and nowhere else. */
function folderBelow(file: string, name: string): string {
  const place = dirname(resolve(file));
  const folder = resolve(place, name);
  const inside = relative(place, folder);
  if (inside !== '' && !/^\.\.([\\/]|$)/.test(inside) && !isAbsolute(inside)) return folder;
  throw inputError(
    'SWEEP_FOLDER_OUTSIDE',
    `${file} names the folder "${name}", which is not below its own`,
    'change "folder" to a name such as "sweep-1", or choose any place with --folder',
  );
}

async function readJson(file: string): Promise<unknown> {
  const text = (await readInputFile(file, { maxBytes: MAX_SWEEP_BYTES, hint: 'see examples/sweep.json' })).toString(
    'utf8',
  );
  try {
    return parseJson(text);
  } catch (cause) {
    throw inputError('SWEEP_INVALID', `${file} is not JSON`, 'see examples/sweep.json', { cause });
  }
}
