import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { inputError } from '../../contract/errors.js';
import { protocolDifferences } from '../../evaluation/protocolDifference.js';
import { evaluationResultSchema, type EvaluationResult } from '../../pipeline/evaluationResult.js';
import { readInputFile } from '../../formats/inputFile.js';
import { parseJson } from '../../formats/json.js';
import { openProject } from '../../project/project.js';
import { printResult, type OutputOptions } from '../output.js';
import { formatTable } from '../table.js';

const MAX_EVALUATION_BYTES = 2 ** 26;

export function registerCompareCommand(program: Command): void {
  program
    .command('compare')
    .argument('<first>', 'project or evaluation.json')
    .argument('<second>', 'project or evaluation.json')
    .description('why two evaluations give different numbers, field by field of their protocols')
    .option('--json', 'print JSON')
    .action(async (first: string, second: string, options: OutputOptions) => {
      const [a, b] = await Promise.all([readEvaluation(first), readEvaluation(second)]);
      const differences = protocolDifferences(a.protocol, b.protocol);
      const result = { comparable: differences.length === 0, values: [meansOf(a), meansOf(b)], differences };
      printResult(options, result, () => describe(result));
    });
}

async function readEvaluation(path: string): Promise<EvaluationResult> {
  const isJson = path.endsWith('.json') && (await stat(path).catch(() => null))?.isFile() === true;
  const file = isJson ? path : join((await openProject(path)).folder, 'stages', 'evaluation', 'evaluation.json');
  const hint = 'run the project first: `stepadapt run`';
  const bytes = await readInputFile(file, { maxBytes: MAX_EVALUATION_BYTES, missing: 'NOT_EVALUATED', hint });
  try {
    return evaluationResultSchema.parse(parseJson(bytes.toString('utf8')));
  } catch (cause) {
    throw inputError('EVALUATION_INVALID', `${file} is no evaluation of this program`, 'evaluate again', { cause });
  }
}

interface ModelMean {
  readonly model: string;
  readonly metric: string;
  readonly value: number;
}

function meansOf({ rows, protocol }: EvaluationResult): ModelMean[] {
  return rows.map(({ model, perSeed }) => ({
    model,
    metric: protocol.metric,
    value: perSeed.reduce((sum, { fd }) => sum + fd, 0) / perSeed.length,
  }));
}

function describe(result: {
  readonly values: readonly (readonly ModelMean[])[];
  readonly differences: ReturnType<typeof protocolDifferences>;
}): string {
  const [first, second] = result.values;
  const values = formatTable(
    ['model', `first: ${first[0].metric}`, `second: ${second[0].metric}`],
    first.map(({ model, value }) => {
      const other = second.find((row) => row.model === model);
      return [model, value.toFixed(4), other === undefined ? '' : other.value.toFixed(4)];
    }),
  );
  if (result.differences.length === 0) return `${values}\n\nmeasured in the same way: the values may be compared`;
  const table = formatTable(
    ['field', 'first', 'second', 'what it does'],
    result.differences.map(({ field, first, second, effect }) => [field, shortened(first), shortened(second), effect]),
  );
  return `${values}\n\nmeasured in different ways:\n${table}`;
}

/** Hashes and lists of timesteps, cut to what tells them apart. */
function shortened(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > 32 ? `${text.slice(0, 31)}…` : text;
}
