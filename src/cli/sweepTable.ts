import { textOf, type SweepProtocol, type SweepTable } from '../pipeline/sweep/tabulateSweep.js';
import { protocolLine } from './comparison.js';
import { formatTable } from './table.js';

/** A sweep for people: a row for each model of each combination, then what failed, then what the values depend on. */
export function describeSweep({ rows, protocols, failures }: SweepTable): string {
  const fields = [...new Set(rows.flatMap(({ varied }) => Object.keys(varied)))];
  const table = formatTable(
    [...fields, 'model', 'seeds', rows[0]?.metric ?? 'value', 'std', 'MACs', 'training MACs'],
    rows.map((row) => [
      ...fields.map((field) => textOf(row.varied[field])),
      row.model,
      String(row.seeds),
      row.mean.toFixed(2),
      row.std === null ? '' : row.std.toFixed(2),
      row.macsRatio.toFixed(3),
      row.trainingMacs.toExponential(2),
    ]),
  );
  const failed = failures.map(({ project, error }) => `${project} failed: ${error.code}: ${error.message}`);
  return [[table, ...failed].join('\n'), ...protocolLines(protocols)].join('\n\n');
}

/** One line where every project was measured alike; else one for each way, with its projects, and a word of warning. */
function protocolLines(protocols: readonly SweepProtocol[]): string[] {
  if (protocols.length < 2) return protocols.map(({ protocol }) => protocolLine(protocol));
  const lines = protocols.map(({ projects, protocol }) => `${projects.join(', ')}: ${protocolLine(protocol)}`);
  const warning = 'values of different protocols have no common scale; `stepadapt compare` says how these differ';
  return [[...lines, warning].join('\n')];
}
