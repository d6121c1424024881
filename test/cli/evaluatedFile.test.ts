import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readEvaluated } from '../../src/cli/evaluatedFile.js';
import { createProject, parseConfig } from '../../src/project/project.js';
import { buildReport } from '../../src/report/reportModel.js';
import { exampleContent } from '../report/exampleReport.js';
import { removeFolder } from '../removeFolder.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'stepadapt-evaluated-'));
});
afterAll(() => removeFolder(root));

async function file(name: string, content: unknown): Promise<string> {
  const path = join(root, name);
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

const report = buildReport(exampleContent());

describe('what compare reads', () => {
  it('a report: values with their protocol, and what an image cost over all steps visited', async () => {
    const { name, protocol, values, compared } = await readEvaluated(await file('report.json', report));
    expect(name).toBe('Fashion at 80 %');
    expect(protocol).toEqual(report.protocol);
    expect(values[0]).toEqual({ model: 'base', metric: 'FD (fashion features)', value: (24.0 + 27.7 + 25.2) / 3 });
    expect(values.map(({ model }) => model)).toEqual(['base', 'uniform', 'adaptive']);
    const adaptive = compared!.rows[2]!;
    expect(adaptive).toMatchObject({ perSeed: [24.6, 27.8, 25.9] });
    // 50 visited timesteps at 0.8 of 55.4 M multiply-accumulates
    expect(adaptive.macsPerImage).toBeCloseTo(50 * 0.8 * 55.4e6, 0);
  });

  it('an evaluation: the mean over its seeds, and nothing to draw', async () => {
    const row = (model: string, values: number[]) => ({
      model,
      perSeed: values.map((fd, seed) => ({ seed, fd, kid: { mean: 0.001, std: 0.0001 } })),
      macsRatio: 1,
      parameters: 1000,
      secondsPerImage: 0.01,
    });
    const evaluation = { protocol: report.protocol, rows: [row('base', [10, 14]), row('adaptive', [9, 10])] };
    const { values, compared, protocol } = await readEvaluated(await file('evaluation.json', evaluation));
    expect(values.map(({ model, value }) => [model, value])).toEqual([
      ['base', 12],
      ['adaptive', 9.5],
    ]);
    expect(protocol).toEqual(report.protocol);
    expect(compared).toBeNull();
  });

  it('what `fid --json` printed', async () => {
    const protocol = { metric: 'FID', sets: [{ path: 'mine.npz' }, { path: 'real' }], software: 'x' };
    const { values, compared } = await readEvaluated(await file('fid.json', { fid: 3.17, protocol }));
    expect(values).toEqual([{ model: 'mine.npz', metric: 'FID', value: 3.17 }]);
    expect(compared).toBeNull();
  });

  it.each<[string, () => Promise<string>, string]>([
    ['text that is no JSON', () => file('text.json', 'no'), 'EVALUATION_INVALID'],
    ['JSON of something else', () => file('other.json', { fid: 'low' }), 'EVALUATION_INVALID'],
    ['a report with a field missing', () => file('half.json', { ...report, rows: undefined }), 'EVALUATION_INVALID'],
    ['a path that is not there', () => Promise.resolve(join(root, 'nowhere.json')), 'PROJECT_NOT_FOUND'],
    [
      'a project that was not evaluated',
      async () => (await createProject(join(root, 'fresh'), { preset: null, config: parseConfig({}) })).path,
      'NOT_EVALUATED',
    ],
  ])('%s is refused', async (_name, make, code) => {
    await expect(readEvaluated(await make())).rejects.toMatchObject({ code });
  });
});
