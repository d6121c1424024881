import { formatCount, formatDistance, formatPercent, formatSi, standardDeviation } from './format.js';
import type { ReportContent, ReportGroup, ReportRow } from './reportModel.js';

/** Below this many images a Frechet distance is dominated by the bias of the sample size (Chong and Forsyth, arXiv 1911.07023). */
const STABLE_SAMPLES = 10_000;
const TRUSTED_ACCURACY = 0.8;
/** A budget met within one percent of the base counts as met. */
const BUDGET_TOLERANCE = 0.01;

/** Sentences that follow from the numbers of a report, good or bad: comparisons first, then doubts and costs. */
export function reportNotes(content: ReportContent): string[] {
  const find = (model: ReportRow['model']) => content.rows.find((row) => row.model === model);
  const base = find('base');
  const uniform = find('uniform');
  const adaptive = find('adaptive');
  return [
    ...(adaptive && base ? [comparison(adaptive, base, content.metric), ...speedNote(adaptive, base)] : []),
    ...(adaptive && uniform ? [comparison(adaptive, uniform, content.metric)] : []),
    ...seedNotes(content.rows),
    ...groupNotes(content.groups),
    ...costNotes(content),
    ...protocolNotes(content),
  ];
}

function comparison(model: ReportRow, other: ReportRow, metric: string): string {
  const difference = model.value - other.value;
  const verdict = difference > 0 ? 'worse than' : difference < 0 ? 'better than' : 'equal to';
  const compute = `at ${formatPercent(model.macsRatio)} of the base's compute per image`;
  const others = other.model === 'base' ? '' : ` (${formatPercent(other.macsRatio)})`;
  const spread = combinedSpread(model, other);
  const doubt =
    spread !== null && difference !== 0 && Math.abs(difference) < 2 * spread
      ? ' The difference is within twice the spread over the seeds, so it may be chance.'
      : '';
  return (
    `${capitalised(nameOf(model))} is ${verdict} ${nameOf(other)}${others} here, ${compute}: ` +
    `${metric} ${formatDistance(model.value)} against ${formatDistance(other.value)} (lower is better).${doubt}`
  );
}

/** Standard deviation of the difference between two rows over their seeds; null where one row has a single seed. */
function combinedSpread(first: ReportRow, second: ReportRow): number | null {
  const spreads = [first, second].map((row) => standardDeviation(row.perSeed.map(({ value }) => value)));
  return spreads[0] === null || spreads[1] === null ? null : Math.hypot(spreads[0]!, spreads[1]!);
}

function speedNote(adaptive: ReportRow, base: ReportRow): string[] {
  if (adaptive.secondsPerImage === null || base.secondsPerImage === null) return [];
  const ratio = adaptive.secondsPerImage / base.secondsPerImage;
  if (ratio <= adaptive.macsRatio * 1.05) return [];
  return [
    `Measured sampling time is ${formatPercent(ratio)} of the base's while the compute is ${formatPercent(adaptive.macsRatio)}: ` +
      'the time of an operation does not shrink as fast as its arithmetic on this machine.',
  ];
}

function seedNotes(rows: readonly ReportRow[]): string[] {
  if (rows.some((row) => row.perSeed.length > 1)) return [];
  return ['One sampling seed was used, so no spread is known: small differences between rows may be chance.'];
}

function groupNotes(groups: readonly ReportGroup[]): string[] {
  const notes: string[] = [];
  const worse = groups.filter(({ loss }) => loss !== null && loss.tuned > loss.base);
  const measured = groups.filter(({ loss }) => loss !== null);
  if (measured.length > 0) {
    notes.push(
      worse.length === 0
        ? 'Every expert has a lower held-out loss than the base on its own timesteps.'
        : `${listOf(worse)} of ${groups.length} ${worse.length === 1 ? 'has' : 'have'} a higher held-out loss than the base on the own timesteps.`,
    );
  }
  const missed = groups.filter(
    ({ requestedMacs, effectiveMacs, baseMacs }) =>
      Math.abs(effectiveMacs - requestedMacs) > BUDGET_TOLERANCE * baseMacs,
  );
  if (missed.length > 0) {
    notes.push(
      `The budget of ${listOf(missed, 'the expert')} could not be met within ${formatPercent(BUDGET_TOLERANCE)} of the base, ` +
        'because channels are removed in sets, such as whole norm groups; the effective compute is what the tables use.',
    );
  }
  return notes;
}

function costNotes({ ledger, rows }: ReportContent): string[] {
  const base = totalMacs(ledger, 'base');
  const adaptive = rows.find((row) => row.model === 'adaptive');
  if (base === 0 || adaptive === undefined) return [];
  const search = totalMacs(ledger, 'search');
  return [
    `Training the adaptive model took ${formatSi(adaptive.trainingMacs)}MACs in all, ` +
      `${formatPercent(adaptive.trainingMacs / base)} of training the base alone; the search for widths took ${formatPercent(search / base)} of it.`,
  ];
}

function protocolNotes({ protocol, metric }: ReportContent): string[] {
  const notes = [
    metric === 'FID'
      ? 'FID is computed as pytorch-fid computes it, from the published Inception weights. It compares only with values of the same protocol.'
      : `${metric} is measured on features "${protocol.features.id}". It is not an FID and compares only with values of the same protocol.`,
  ];
  if (protocol.samples < STABLE_SAMPLES) {
    notes.push(
      `${formatCount(protocol.samples)} images per model are few: the distance is biased upwards by the sample size, equally for all rows. ` +
        'The kernel distance has no such bias.',
    );
  }
  const { accuracy } = protocol.features;
  if (accuracy !== null && accuracy < TRUSTED_ACCURACY) {
    notes.push(
      `The classifier behind the features is only ${formatPercent(accuracy)} accurate, so its distances say less.`,
    );
  }
  return notes;
}

/** Total MACs of one kind of work. */
export function totalMacs(ledger: ReportContent['ledger'], kind: ReportContent['ledger'][number]['kind']): number {
  return ledger.reduce((sum, entry) => sum + (entry.kind === kind ? entry.macs : 0), 0);
}

function nameOf({ model }: ReportRow): string {
  return { base: 'the base', uniform: 'the uniformly pruned model', adaptive: 'the adaptive model' }[model];
}

function listOf(groups: readonly ReportGroup[], noun = 'Expert'): string {
  const indices = groups.map(({ index }) => index);
  return `${noun}${indices.length === 1 ? '' : 's'} ${indices.join(', ')}`;
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
