import type { Protocol } from '../evaluation/protocol.js';
import { standardDeviation } from '../report/format.js';
import type { ProjectReport } from '../report/projectReport.js';
import type { ReportRow } from '../report/reportModel.js';
import { formatTable } from './table.js';

/** One row of the comparison as `run` and `demo` give it to scripts. */
export interface ComparisonRow {
  readonly model: ReportRow['model'];
  readonly macsRatio: number;
  readonly metric: string;
  readonly value: number;
  readonly samples: number;
  readonly secondsPerImage: number | null;
}

/** A finished comparison for scripts: the rows, and the protocol that every value was measured under. */
export interface ComparisonResult {
  readonly report: string;
  readonly rows: readonly ComparisonRow[];
  readonly protocol: Protocol;
}

export function comparisonResult({ path, rows, protocol }: ProjectReport): ComparisonResult {
  return {
    report: path,
    rows: rows.map(({ model, macsRatio, value, samples, secondsPerImage }) => ({
      model,
      macsRatio,
      metric: protocol.metric,
      value,
      samples,
      secondsPerImage,
    })),
    protocol,
  };
}

/** The comparison for people: a table, and below it in one line what its values depend on. */
export function describeComparison({ rows, protocol }: Pick<ProjectReport, 'rows' | 'protocol'>): string {
  const hasSpread = protocol.seeds.length > 1;
  const table = formatTable(
    ['model', 'MACs', protocol.metric, ...(hasSpread ? ['std'] : []), 'images', 's/image'],
    rows.map(({ model, macsRatio, value, perSeed, samples, secondsPerImage }) => [
      model,
      macsRatio.toFixed(3),
      value.toFixed(2),
      ...(hasSpread ? [standardDeviation(perSeed.map((seed) => seed.value))?.toFixed(2) ?? ''] : []),
      String(samples),
      secondsPerImage === null ? '' : secondsPerImage.toFixed(4),
    ]),
  );
  return `${table}\n\n${protocolLine(protocol)}`;
}

/** The protocol in short; the whole of it stands in the report and in what `--json` prints. */
export function protocolLine({ features, samples, seeds, sampler, weights, reference }: Protocol): string {
  const { method, steps, grid, visited, eta, variance } = sampler;
  const calls = visited.length === steps ? `${steps} steps` : `${steps} steps (${visited.length} calls)`;
  const noise = method === 'ddim' ? `eta ${eta}` : `variance ${variance}`;
  return [
    `protocol: features ${features.id} (${features.hash.slice(0, 8)})`,
    `${samples} images a model, ${seeds.length === 1 ? 'seed' : 'seeds'} ${seeds.join(', ')}`,
    `${method} ${calls}, ${grid} grid, ${noise}`,
    weights === 'ema' ? 'EMA weights' : 'raw weights',
    `against ${reference.images} images of ${reference.source} (${reference.hash.slice(0, 8)})`,
  ].join('; ');
}
