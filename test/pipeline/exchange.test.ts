import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PruningResult } from '../../src/contract/results.js';
import { encodeSafetensors } from '../../src/formats/safetensors.js';
import { countModel } from '../../src/model/countModel.js';
import { readModelFolder } from '../../src/model/diffusersFolder.js';
import { initialiseWeights } from '../../src/model/initialise.js';
import { openBundle, readBundle, writeBundle } from '../../src/pipeline/bundle.js';
import { writeDiffusersPipeline } from '../../src/pipeline/diffusersPipeline.js';
import { takeImportedBase, writeImportedBase } from '../../src/pipeline/importedBase.js';
import { importModel } from '../../src/pipeline/importModel.js';
import { openModel } from '../../src/pipeline/models.js';
import { trainedNetwork } from '../../src/pipeline/trainedWeights.js';
import { createProject, parseConfig, type Project } from '../../src/project/project.js';
import type { Denoiser } from '../../src/sampling/denoiser.js';
import { sampleImages } from '../../src/sampling/sampleImages.js';
import { writeCheckpoint } from '../../src/training/checkpoint.js';
import { freshOptimizerState } from '../../src/training/optimizerState.js';
import { randomWeights } from '../model/networks.js';
import { stageContext, TINY } from './stageContext.js';

let folder: string;
let project: Project;
type Context = Awaited<ReturnType<typeof stageContext>>;
let context: Context;
const at = (name: string) => join(folder, name);

/** A project whose networks were never trained: random weights tell as well who is who. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'exchange-'));
  project = await createProject(at('project'), { preset: null, config: parseConfig(TINY) });
  context = await stageContext(project.folder, 'base', TINY);
  const { spec, groups } = context.design;
  const finish = async (stage: string, seed: number) =>
    writeCheckpoint(context.store.folder(stage), {
      spec,
      state: freshOptimizerState(randomWeights(spec, seed)),
      meta: { step: 1, seed: 0, engine: context.engine, extra: null },
    });
  await finish('base', 1);
  for (const { index, from, to, budget } of groups) {
    await finish(`experts/${index}`, 2 + index);
    const { macs, parameters } = countModel(spec);
    const pruning: PruningResult = {
      ...{ from, to, requested: budget, effective: 1, macs, parameters, widths: [], keep: {} },
      ...{ importance: 'taylor', normPolicy: 'whole-groups', scope: 'inner', effectiveLatency: null },
      ...{ confidence: null, rounds: 0, proxyScore: null, searchMacs: 0 },
    };
    await writeFile(join(context.store.folder(`experts/${index}`), 'pruning.json'), JSON.stringify(pruning));
  }
  await writeFile(join(context.store.folder('experts/1'), 'memory.jsonl'), '');
});
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }));

const draw = async (denoiser: Denoiser) => {
  const { sampling, data } = context.config;
  const { size, channels } = data;
  try {
    return await sampleImages({
      denoiser,
      schedule: context.design.schedule,
      sampling,
      count: 2,
      size,
      channels,
      seed: 5,
    });
  } finally {
    denoiser.dispose();
  }
};

describe('a bundle of experts', () => {
  it('samples as its project does, from a copy that knows no project', async () => {
    const bundle = await writeBundle(project, at('bundle'));
    expect(bundle).toMatchObject({ bounds: [0, 20, 40], macsRatio: 1, seed: 0 });
    expect(Object.keys(bundle.files)).toEqual([
      'experts/0/unet/config.json',
      'experts/0/unet/diffusion_pytorch_model.safetensors',
      'experts/1/memory.jsonl',
      'experts/1/unet/config.json',
      'experts/1/unet/diffusion_pytorch_model.safetensors',
    ]);
    await cp(at('bundle'), at('copy'), { recursive: true });
    const own = await draw((await openModel('adaptive', context.design, context.store)).denoiser);
    const copied = await readBundle(at('copy'));
    expect(await draw(await openBundle(at('copy'), copied, context.config.diffusion))).toEqual(own);
    await expect(writeBundle(project, at('bundle'))).rejects.toMatchObject({ code: 'EXPORT_EXISTS' });
  });

  it.each([
    ['timesteps', 50],
    ['schedule', 'cosine'],
    ['prediction', 'v'],
  ])('refuses another %s', async (field, value) => {
    const bundle = await readBundle(at('bundle'));
    const { diffusion } = parseConfig({ diffusion: { ...TINY.diffusion, [field]: value } });
    await expect(openBundle(at('bundle'), bundle, diffusion)).rejects.toMatchObject({
      code: 'BUNDLE_MISMATCH',
      message: expect.stringContaining(`diffusion.${field}`),
    });
  });

  it('notices damage', async () => {
    await writeFile(join(at('copy'), 'experts/1/unet/config.json'), '{}');
    await expect(readBundle(at('copy'))).rejects.toMatchObject({ code: 'BUNDLE_INVALID' });
    await expect(readBundle(at('project'))).rejects.toMatchObject({ code: 'BUNDLE_INVALID' });
  });
});

describe('a base from elsewhere', () => {
  it('comes from a diffusers folder with its network and schedule, and becomes the base as it is', async () => {
    await writeDiffusersPipeline(project, 'base', at('pipeline'));
    const scheduler = JSON.parse(await readFile(at('pipeline/scheduler/scheduler_config.json'), 'utf8')) as unknown;
    expect(scheduler).toMatchObject({ beta_schedule: 'linear', num_train_timesteps: 40, variance_type: 'fixed_large' });
    // Everything else comes from the config that it is imported into.
    const imported = await importModel(at('pipeline'), parseConfig({ experts: { steps: 7 }, sampling: TINY.sampling }));
    expect(imported.config.model).toMatchObject(parseConfig(TINY).model);
    expect(imported.config.diffusion).toEqual(parseConfig(TINY).diffusion);
    expect(imported.config.data).toMatchObject({ size: 8, channels: 1 });
    expect(imported.config.experts.steps).toBe(7);

    const config = parseConfig({ ...imported.config, engine: 'wasm' });
    const taker = await stageContext(at('imported'), 'base', config);
    await writeImportedBase(taker.project.folder, imported.spec, imported.weights);
    await takeImportedBase(taker, config.base.imported!);
    const { weights } = await trainedNetwork(taker.store, 'base');
    expect(weights).toEqual((await readModelFolder(at('pipeline'))).weights);

    await writeImportedBase(taker.project.folder, imported.spec, initialiseWeights(imported.spec, 9));
    await expect(takeImportedBase(taker, config.base.imported!)).rejects.toMatchObject({ code: 'IMPORT_DAMAGED' });
  });

  it('comes from a file of weights of the network described, and from no other', async () => {
    const { weights } = await readModelFolder(at('pipeline'));
    await writeFile(at('weights.safetensors'), encodeSafetensors(weights));
    const read = await importModel(at('weights.safetensors'), parseConfig(TINY));
    expect(read.weights).toEqual(weights);
    expect(read.config).toEqual({
      ...parseConfig(TINY),
      base: { ...parseConfig(TINY).base, imported: read.config.base.imported },
    });
    const misfit = importModel(at('weights.safetensors'), parseConfig({}));
    await expect(misfit).rejects.toMatchObject({ code: 'MODEL_INVALID' });
    await expect(importModel(at('nothing'), parseConfig({}))).rejects.toMatchObject({ code: 'IMPORT_NOT_FOUND' });
    await writeFile(
      at('pipeline/scheduler/scheduler_config.json'),
      JSON.stringify({ beta_schedule: 'linear', beta_start: 1e-3 }),
    );
    const schedule = importModel(at('pipeline'), parseConfig({}));
    await expect(schedule).rejects.toMatchObject({ code: 'SCHEDULE_UNSUPPORTED' });
  });
});
