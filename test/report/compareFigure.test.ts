import { describe, expect, it } from 'vitest';
import { compareFigure, type ComparedProject } from '../../src/report/compareFigure.js';

const project = (name: string, metric: string, shift: number): ComparedProject => ({
  name,
  metric,
  rows: [
    { model: 'base', label: 'Base', value: 10 + shift, perSeed: [10 + shift], macsPerImage: 2e9 },
    {
      model: 'adaptive',
      label: 'Step-adaptive experts',
      value: 8 + shift,
      perSeed: [7.5 + shift, 8.5 + shift],
      macsPerImage: 1.6e9,
    },
  ],
});

/** Centres of the symbols of one colour, pixels: scatter points are paths moved to their place. */
function centres(svg: string, colour: string): [number, number][] {
  return [...svg.matchAll(/<path [^>]*?transform="matrix\([^)]*?,([\d.]+),([\d.]+)\)"[^>]*>/g)]
    .filter(([path]) => path.includes(`fill="${colour}"`))
    .map(([, x, y]) => [Number(x), Number(y)]);
}

describe('the chart of several projects', () => {
  const svg = compareFigure([project('one', 'FD', 0), project('two', 'FD', 3)], null);

  it('says every point in words', () => {
    expect(svg).toMatch(/^<svg [^>]*role="img"/);
    for (const words of [
      'one, Base: 10.00 at 2.00',
      'one, Step-adaptive experts: 8.00 at 1.60',
      'two, Base: 13.00 at 2.00',
      'two, Step-adaptive experts: 11.00 at 1.60',
    ]) {
      expect(svg).toContain(words);
    }
    expect(svg).toContain('FD, lower is better');
  });

  it('draws a symbol for each mean and for each of several seeds, lower values lower and less compute further left', () => {
    const colours = [
      ...new Set([...svg.matchAll(/<path [^>]*transform="matrix[^>]*fill="(#\w+)"/g)].map((m) => m[1]!)),
    ];
    const points = colours.map((colour) => centres(svg, colour)).filter((places) => places.length >= 4);
    // base, adaptive and its two seeds of each project; the legend's symbols of the same colours stand above the plot
    expect(points).toHaveLength(2);
    for (const places of points) {
      const plotted = places.filter(([, y]) => y >= 72);
      expect(plotted).toHaveLength(4);
      const right = Math.max(...plotted.map(([x]) => x));
      const base = plotted.filter(([x]) => x === right);
      expect(base).toHaveLength(1);
      for (const [x, y] of plotted.filter((place) => place !== base[0])) {
        expect(x).toBeLessThan(base[0]![0]);
        expect(y).toBeGreaterThan(base[0]![1]);
      }
    }
  });

  it('carries the warning in the picture and in its words', () => {
    const warned = compareFigure([project('one', 'FD', 0), project('two', 'FID', 3)], 'No common scale');
    expect(warned.match(/No common scale/g)!.length).toBeGreaterThanOrEqual(2);
    expect(warned).toContain('FD and FID, lower is better');
    expect(svg).not.toContain('No common scale');
  });
});
