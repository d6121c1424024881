/** One logged step: mean loss in equal bins over [0, T); null where no timestep was drawn. */
export interface HeatLine {
  readonly step: number;
  readonly lossByTimestep: readonly (number | null)[];
}

export interface HeatCell {
  readonly column: number;
  /** Last logged step of the column. */
  readonly step: number;
  readonly fromTimestep: number;
  readonly toTimestep: number;
  readonly loss: number;
}

export interface HeatMap {
  readonly cells: readonly HeatCell[];
  /** Last step of each column. */
  readonly columns: readonly number[];
  readonly bins: number;
  readonly low: number;
  readonly high: number;
  /** Where a loss lies between low and high on a logarithmic scale, 0..1. */
  readonly fraction: (loss: number) => number;
}

/** Bins the logged steps into at most `mostColumns` columns; a cell is the mean of what was measured in it. */
export function heatCells(
  lines: readonly HeatLine[],
  { timesteps, mostColumns }: { timesteps: number; mostColumns: number },
): HeatMap {
  const measured = lines.filter(({ lossByTimestep }) => lossByTimestep.length > 0);
  const bins = measured.at(-1)?.lossByTimestep.length ?? 0;
  const columnCount = Math.min(mostColumns, measured.length);
  const cells: HeatCell[] = [];
  const columns: number[] = [];
  for (let column = 0; column < columnCount; column++) {
    const from = Math.floor((column * measured.length) / columnCount);
    const to = Math.floor(((column + 1) * measured.length) / columnCount);
    const { step } = measured[to - 1];
    columns.push(step);
    for (let bin = 0; bin < bins; bin++) {
      const losses = measured
        .slice(from, to)
        .map(({ lossByTimestep }) => lossByTimestep[bin])
        .filter((loss): loss is number => typeof loss === 'number' && Number.isFinite(loss));
      if (losses.length === 0) continue;
      cells.push({
        column,
        step,
        fromTimestep: Math.round((bin * timesteps) / bins),
        toTimestep: Math.round(((bin + 1) * timesteps) / bins),
        loss: losses.reduce((sum, loss) => sum + loss, 0) / losses.length,
      });
    }
  }
  const losses = cells.map(({ loss }) => loss);
  const low = cells.length === 0 ? 0 : Math.min(...losses);
  const high = cells.length === 0 ? 0 : Math.max(...losses);
  const floor = Math.max(low, 1e-12);
  const range = Math.log(Math.max(high, floor) / floor);
  return {
    cells,
    columns,
    bins,
    low,
    high,
    fraction: (loss) => (range === 0 ? 0.5 : Math.log(Math.max(loss, floor) / floor) / range),
  };
}
