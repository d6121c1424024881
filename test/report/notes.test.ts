import { describe, expect, it } from 'vitest';
import { buildReport, type ReportContent } from '../../src/report/reportModel.js';
import { exampleContent } from './exampleReport.js';

const notesOf = (content: ReportContent) => buildReport(content).notes.join('\n').replaceAll('\u202f', ' ');

/** The example with these distances, one per seed, for base and adaptive. */
function withValues(base: number[], adaptive: number[]): ReportContent {
  const content = exampleContent();
  const values = { base, adaptive };
  return {
    ...content,
    rows: content.rows
      .filter((row) => row.model !== 'uniform')
      .map((row) => {
        const ofModel = values[row.model as 'base' | 'adaptive'];
        return {
          ...row,
          value: ofModel.reduce((sum, value) => sum + value, 0) / ofModel.length,
          perSeed: ofModel.map((value, seed) => ({ seed, value, kid: { mean: 0, std: 0 } })),
        };
      }),
  };
}

describe('notes of a report', () => {
  it('say plainly when the adaptive model is worse', () => {
    expect(notesOf(withValues([24.0, 24.1], [30.1, 30.2]))).toContain(
      "The adaptive model is worse than the base here, at 80.0 % of the base's compute per image: " +
        'FD (fashion features) 30.15 against 24.05 (lower is better).',
    );
  });

  it('call a difference chance only where it lies within the spread over the seeds', () => {
    // standard deviations 1.41 and 1.41: spread of the difference 2, so 6 is beyond twice of it and 3 is not
    expect(notesOf(withValues([19, 21], [25, 27]))).not.toContain('may be chance');
    expect(notesOf(withValues([19, 21], [22, 24]))).toContain('may be chance');
    expect(notesOf(withValues([19], [12]))).toContain('One sampling seed was used');
  });

  it('compare with uniform pruning when it was measured', () => {
    expect(notesOf(exampleContent())).toContain(
      'The adaptive model is better than the uniformly pruned model (80.3 %)',
    );
    expect(notesOf(withValues([1], [2]))).not.toContain('uniformly pruned');
  });

  it('name the experts that lose to the base on held-out loss', () => {
    const content = exampleContent();
    expect(notesOf(content)).toContain('Every expert has a lower held-out loss');
    const groups = content.groups.map((group) =>
      group.index === 3 ? { ...group, loss: { base: 0.1, untuned: 0.3, tuned: 0.2 } } : group,
    );
    expect(notesOf({ ...content, groups })).toContain('Expert 3 of 5 has a higher held-out loss than the base');
  });

  it('name the budgets that were missed', () => {
    const content = exampleContent();
    expect(notesOf(content)).not.toContain('could not be met');
    const groups = content.groups.map((group) =>
      group.index > 2 ? { ...group, effectiveMacs: group.requestedMacs + 0.02 * group.baseMacs } : group,
    );
    expect(notesOf({ ...content, groups })).toContain('The budget of the experts 3, 4 could not be met');
  });

  it('count training and search against the base', () => {
    // 4.1e13 / 2.66e13 and 1.6e12 / 2.66e13
    expect(notesOf(exampleContent())).toContain(
      'took 41.0 TMACs in all, 154.1 % of training the base alone; the search for widths took 6.0 % of it.',
    );
  });

  it('say when time does not follow compute, and when images are few', () => {
    const content = exampleContent();
    expect(notesOf(content)).toContain("Measured sampling time is 89.4 % of the base's while the compute is 80.0 %");
    const rows = content.rows.map((row) => ({ ...row, secondsPerImage: row.macsRatio }));
    expect(notesOf({ ...content, rows })).not.toContain('Measured sampling time');
    expect(notesOf(content)).toContain('2 000 images per model are few');
    expect(notesOf({ ...content, protocol: { ...content.protocol, samples: 50_000 } })).not.toContain('are few');
  });

  it('never call the distance an FID', () => {
    expect(notesOf(exampleContent())).toContain('It is not an FID');
  });
});
