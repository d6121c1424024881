import { formatDuration, formatPercent, formatSi } from './format.js';
import { totalMacs } from './notes.js';
import type { ReportModel } from './reportModel.js';
import type { Table } from './table.js';

/** What every part of the run cost, against training the base. */
export function ledgerTable({ ledger }: ReportModel): Table {
  const base = totalMacs(ledger, 'base');
  const total = ledger.reduce((sum, { macs, seconds }) => ({ macs: sum.macs + macs, seconds: sum.seconds + seconds }), {
    macs: 0,
    seconds: 0,
  });
  return {
    columns: [
      { label: 'stage', name: 'stage' },
      { label: 'kind', name: 'kind' },
      { label: 'MACs', name: 'macs', format: formatSi },
      { label: 'of base training', name: 'share_of_base_training', format: formatPercent },
      { label: 'time', name: 'seconds', format: formatDuration },
    ],
    rows: [...ledger, { stage: 'total', kind: '', ...total }].map(({ stage, kind, macs, seconds }) => [
      stage,
      kind,
      macs,
      base === 0 ? null : macs / base,
      seconds,
    ]),
  };
}
