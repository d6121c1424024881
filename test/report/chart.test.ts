import { describe, expect, it } from 'vitest';
import { renderSvg } from '../../src/report/chart.js';

describe('charts', () => {
  it('draws labels that are names of Object.prototype, and leaves it alone', () => {
    const before = Reflect.ownKeys(Object.prototype);
    const labels = ['__proto__', 'constructor', 'toString', 'base'];
    const svg = renderSvg('a', 'a chart', {
      xAxis: { type: 'category', data: labels },
      yAxis: {},
      legend: {},
      series: labels.map((name) => ({ type: 'bar' as const, name, data: [1, 2, 3, 4] })),
    });
    expect(Reflect.ownKeys(Object.prototype)).toEqual(before);
    for (const label of labels) expect(svg).toContain(label);
  });
});
