import type { Command } from 'commander';
import { inputError } from '../../contract/errors.js';
import { mayBeCompared, protocolDifferences } from '../../evaluation/protocolDifference.js';
import { writeFileAtomic } from '../../project/atomicFile.js';
import { compareFigure } from '../../report/compareFigure.js';
import { rasterise } from '../../report/rasterise.js';
import { readEvaluated, type Evaluated } from '../evaluatedFile.js';
import { badOption } from '../options.js';
import { printResult, type OutputOptions } from '../output.js';
import { requireFolderOf } from '../outputPath.js';
import { formatTable } from '../table.js';

interface CompareOptions extends OutputOptions {
  readonly chart?: string;
  readonly force?: boolean;
}

/** Pixels across a chart that is written as PNG. */
const PNG_WIDTH = 1600;

export function registerCompareCommand(program: Command): void {
  program
    .command('compare')
    .argument('<first>', 'project, report.json, evaluation.json, or a file with what `fid --json` printed')
    .argument('<second>', 'another of them')
    .description('why two evaluations give different numbers, field by field of their protocols')
    .option('--chart <file>', 'draw both into one chart, .svg or .png; refused where the protocols differ')
    .option('--force', 'draw the chart nevertheless, with the warning in it')
    .option('--json', 'print JSON')
    .action(async (first: string, second: string, options: CompareOptions) => {
      if (options.chart !== undefined) await requireFolderOf(options.chart);
      const [a, b] = await Promise.all([readEvaluated(first), readEvaluated(second)]);
      const differences = protocolDifferences(a.protocol, b.protocol);
      const comparable = mayBeCompared(differences);
      const result = { comparable, values: [a.values, b.values], differences };
      if (options.chart !== undefined && !comparable && options.force !== true) {
        throw inputError(
          'NOT_COMPARABLE',
          `the two were measured in different ways: ${differences.map(({ field }) => field).join(', ')}`,
          'see what differs without --chart, measure both alike, or add --force to draw them with a warning',
        );
      }
      if (options.chart !== undefined) await drawChart(options.chart, [a, b], comparable);
      printResult(options, options.chart === undefined ? result : { ...result, chart: options.chart }, () =>
        describe(result, options.chart),
      );
    });
}

async function drawChart(path: string, evaluated: readonly Evaluated[], comparable: boolean): Promise<void> {
  if (!/\.(svg|png)$/.test(path)) throw badOption('chart', `"${path}" ends neither in .svg nor in .png`);
  const projects = evaluated.map(({ name, compared }) => {
    if (compared !== null) return compared;
    throw inputError('CHART_NEEDS_PROJECT', `${name} does not say what an image cost`, 'give a project or report.json');
  });
  const warning = comparable ? null : 'Measured in different ways: these values have no common scale';
  const svg = compareFigure(projects, warning);
  await writeFileAtomic(path, path.endsWith('.png') ? await rasterise(svg, PNG_WIDTH) : svg);
}

function describe(
  result: {
    readonly comparable: boolean;
    readonly values: readonly Evaluated['values'][];
    readonly differences: ReturnType<typeof protocolDifferences>;
  },
  chart: string | undefined,
): string {
  const [first, second] = result.values;
  const models = [...new Set([...first, ...second].map(({ model }) => model))];
  const cell = (values: Evaluated['values'], model: string) =>
    values.find((row) => row.model === model)?.value.toFixed(4) ?? '';
  const values = formatTable(
    ['model', `first: ${first[0].metric}`, `second: ${second[0].metric}`],
    models.map((model) => [model, cell(first, model), cell(second, model)]),
  );
  const table = formatTable(
    ['field', 'first', 'second', 'what it does'],
    result.differences.map(({ field, first: a, second: b, effect }) => [field, shortened(a), shortened(b), effect]),
  );
  const verdict = result.comparable
    ? 'measured in the same way: the values may be compared'
    : 'measured in different ways: the values must not be compared as they are';
  return [
    values,
    verdict,
    ...(result.differences.length > 0 ? [table] : []),
    ...(chart === undefined ? [] : [`chart: ${chart}`]),
  ].join('\n\n');
}

/** Hashes and lists of timesteps, cut to what tells them apart. */
function shortened(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > 32 ? `${text.slice(0, 31)}…` : text;
}
