/** Group borders as a person moves them: inner bounds of [0, T), each group keeping at least one timestep. */

/** Bounds with the widest group cut in two in the middle; the same bounds if no group can be cut. */
export function addBorder(bounds: readonly number[]): number[] {
  let widest = 0;
  for (let group = 1; group < bounds.length - 1; group++) {
    if (bounds[group + 1] - bounds[group] > bounds[widest + 1] - bounds[widest]) widest = group;
  }
  const from = bounds[widest];
  const to = bounds[widest + 1];
  if (to - from < 2) return [...bounds];
  return [...bounds.slice(0, widest + 1), Math.floor((from + to) / 2), ...bounds.slice(widest + 1)];
}

/** Bounds without border `index`: its two groups become one. */
export function removeBorder(bounds: readonly number[], index: number): number[] {
  return bounds.filter((_, position) => position !== index);
}

/** Bounds from borders as they are typed, such as `100, 300`; a sentence where they are no borders of [0, timesteps). */
export function parseBorders(text: string, timesteps: number): number[] | string {
  const parts = text.split(/[\s,;]+/).filter((part) => part !== '');
  const borders = parts.map(Number);
  if (borders.some((border) => !Number.isInteger(border))) return 'Borders are whole numbers with commas between them.';
  if (borders.some((border) => border <= 0 || border >= timesteps)) {
    return `Borders lie between 1 and ${timesteps - 1}.`;
  }
  const sorted = [...new Set(borders)].sort((a, b) => a - b);
  return [0, ...sorted, timesteps];
}
