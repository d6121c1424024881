/**
 * Steps from blue over teal and olive to orange, from least to most noise: in order, told apart by colour-blind readers, and
 * of at least 3:1 against the ground. The same colour means the same group everywhere.
 */
const LIGHT_STOPS = ['#3f3a8c', '#2b6299', '#1b8087', '#3c8a4c', '#77801a', '#a3701a', '#b24f22'] as const;
const DARK_STOPS = ['#9a92ea', '#6fabe6', '#4cc3bd', '#6acb80', '#b9c850', '#e6ba4e', '#f59a5c'] as const;

export function groupColour(index: number, groups: number, dark: boolean): string {
  const stops = dark ? DARK_STOPS : LIGHT_STOPS;
  const position = groups <= 1 ? 0 : (index / (groups - 1)) * (stops.length - 1);
  const low = Math.floor(position);
  const high = Math.min(stops.length - 1, low + 1);
  return mix(stops[low], stops[high], position - low);
}

/** Colours that somebody can give a project; told apart by colour-blind readers, and of at least 3:1 against both grounds. */
export const PROJECT_COLOURS = [
  { name: 'Blue', value: '#3b82c4' },
  { name: 'Orange', value: '#d1622b' },
  { name: 'Green', value: '#2f9363' },
  { name: 'Purple', value: '#b45fb5' },
  { name: 'Ochre', value: '#b8891c' },
  { name: 'Rose', value: '#d0506f' },
  { name: 'Grey', value: '#7d838c' },
] as const;

/** The same colour with an opacity of 0..1. */
export function withAlpha(hex: string, alpha: number): string {
  const [red, green, blue] = channels(hex);
  return `rgb(${red} ${green} ${blue} / ${alpha})`;
}

function mix(from: string, to: string, fraction: number): string {
  const a = channels(from);
  const b = channels(to);
  const hex = a.map((value, index) =>
    Math.round(value + (b[index] - value) * fraction)
      .toString(16)
      .padStart(2, '0'),
  );
  return `#${hex.join('')}`;
}

function channels(hex: string): number[] {
  return [1, 3, 5].map((start) => Number.parseInt(hex.slice(start, start + 2), 16));
}

/** Colour of one value of a heat map, 0..1, from pale to strong; readable on both grounds. */
export function heatColour(fraction: number, dark: boolean): string {
  const stops = dark
    ? ['#1c2a3a', '#22507a', '#2d7fb0', '#5fb4d6', '#c8ecf2']
    : ['#eef5f8', '#bcdcea', '#74b3d3', '#2f7fb3', '#123f73'];
  const position = Math.min(1, Math.max(0, fraction)) * (stops.length - 1);
  const low = Math.min(stops.length - 2, Math.floor(position));
  return mix(stops[low], stops[low + 1], position - low);
}
