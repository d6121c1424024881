import { configSchema, type ExperimentConfig, type PruningConfig } from '../contract/config.js';
import { describeError, StepAdaptError } from '../contract/errors.js';
import type { DesignGroup, DesignView, FieldProblem, Preview } from '../contract/projectViews.js';
import { allocateInSpace } from '../method/allocation.js';
import { rankChannels } from '../method/channelRanking.js';
import { widthSpace } from '../method/widthSpace.js';
import { prunableWidths } from '../model/prunableWidths.js';
import type { UNetSpec } from '../model/spec.js';
import { designExperiment, type ExperimentDesign } from '../pipeline/design.js';
import { safeParse } from '../contract/safeParse.js';

/** Intervals of the thinned SNR curve. */
const CURVE_INTERVALS = 256;

/** Fields that a fault of the whole design is shown at. */
const FIELD_OF_CODE: Readonly<Record<string, string>> = {
  BUDGET_UNREACHABLE: 'budget.targetMean',
  BOUNDS_INVALID: 'grouping.bounds',
  GROUPS_EXCEED_TIMESTEPS: 'grouping.groups',
  GROUP_SIZE_INFEASIBLE: 'grouping.minSize',
};

/** The design that follows from a config as a form has it. Faults come back by field; nothing is read or written. */
export function previewDesign(raw: unknown): Preview {
  const parsed = safeParse(configSchema, raw);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue): FieldProblem => ({
      field: issue.path.join('.'),
      code: 'CONFIG_INVALID',
      message: issue.message,
      hint: 'docs/config.md lists every field with its range',
    }));
    return { design: null, problems };
  }
  try {
    return { design: viewDesign(parsed.data), problems: [] };
  } catch (error) {
    if (!(error instanceof StepAdaptError) || error.kind !== 'input') throw error;
    const { code, message, hint } = describeError(error);
    return { design: null, problems: [{ field: FIELD_OF_CODE[code] ?? namedField(hint), code, message, hint }] };
  }
}

function viewDesign(config: ExperimentConfig): DesignView {
  const design = designExperiment(config);
  const widthsOf = provisionalWidths(config, design);
  const groups = design.groups.map((group): DesignGroup => {
    const { widths, macs } = widthsOf(group.budget);
    const { index, from, to, snrDb, visited, budget } = group;
    return {
      index,
      from,
      to,
      snrDb: [snrDb[0], snrDb[1]],
      visited,
      requested: budget,
      effective: macs / design.baseMacs,
      macs,
      widths,
    };
  });
  const { timesteps, snrDb } = design.schedule;
  return {
    parameters: design.parameters,
    baseMacs: design.baseMacs,
    timesteps,
    bounds: [...design.bounds],
    provisionalBounds: design.provisional.bounds,
    partitionCost: design.partitionCost,
    k: design.k,
    mean: design.meanBudget,
    meanEffective: groups.reduce((sum, { effective, visited }) => sum + effective * visited, 0) / design.visited.length,
    groups,
    snr: thinnedIndices(timesteps).map((timestep) => ({ timestep, db: snrDb[timestep] })),
    visited: [...design.visited].sort((a, b) => a - b),
  };
}

interface ProvisionalWidths {
  readonly widths: DesignGroup['widths'];
  readonly macs: number;
}

/** One ratio for every width, as `plan` shows it until the search has decided; by budget. */
function provisionalWidths(
  config: ExperimentConfig,
  { spec, baseMacs }: ExperimentDesign,
): (budget: number) => ProvisionalWidths {
  const { space, full, ranking } = equalRanking(spec, config.pruning);
  return (budget) => {
    if (budget >= 1) return { widths: full.map(({ id, width }) => ({ id, full: width, kept: width })), macs: baseMacs };
    const { widths, macs } = allocateInSpace(space, ranking, { targetMacs: budget * baseMacs, method: 'uniform' });
    return { widths: full.map(({ id, width }) => ({ id, full: width, kept: widths.get(id) ?? width })), macs };
  };
}

function rankEqually(spec: UNetSpec, pruning: PruningConfig) {
  const space = widthSpace(spec, pruning);
  const full = prunableWidths(spec, pruning);
  const equal = new Map(full.map(({ id, width }) => [id, new Float64Array(width).fill(1)]));
  return { space, full, ranking: rankChannels(space.prunable, equal) };
}

let newest: { readonly key: string; readonly ranked: ReturnType<typeof rankEqually> } | null = null;

/**
 * The space of legal widths is most of the work of a preview. It is the same for all groups, and from edit to edit as long as
 * somebody moves borders and budgets, so the newest one is kept.
 */
function equalRanking(spec: UNetSpec, pruning: PruningConfig): ReturnType<typeof rankEqually> {
  const key = JSON.stringify([spec, pruning]);
  if (newest?.key !== key) newest = { key, ranked: rankEqually(spec, pruning) };
  return newest.ranked;
}

function thinnedIndices(count: number): number[] {
  if (count <= CURVE_INTERVALS + 1) return Array.from({ length: count }, (_, index) => index);
  return Array.from({ length: CURVE_INTERVALS + 1 }, (_, point) => Math.round((point * (count - 1)) / CURVE_INTERVALS));
}

/** The first config field that a hint names, such as `model.normGroups`; empty where it names none. */
function namedField(hint: string): string {
  return (
    /\b(?:data|diffusion|model|base|grouping|budget|pruning|experts|sampling|evaluation)\.[a-zA-Z]+/.exec(hint)?.[0] ??
    ''
  );
}
