import { cp, mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { modelSchema } from '../../src/contract/config.js';
import { decodeSafetensors, encodeSafetensors, type SafetensorsInput } from '../../src/formats/safetensors.js';
import { buildUNetSpec } from '../../src/model/buildSpec.js';
import { readModelFolder, writeModelFolder } from '../../src/model/diffusersFolder.js';
import { prunableWidths } from '../../src/model/prunableWidths.js';
import { sliceModel } from '../../src/model/sliceModel.js';
import { innerRule, randomWeights, smallSpec } from './networks.js';

const golden = fileURLToPath(new URL('../golden/unet-small', import.meta.url));
const WEIGHTS = 'diffusion_pytorch_model.safetensors';
let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'model-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true });
});

/** A copy of the recorded folder with a changed config. */
async function withConfig(change: Record<string, unknown>): Promise<void> {
  await cp(golden, dir, { recursive: true });
  const config = JSON.parse(await readFile(join(dir, 'config.json'), 'utf8')) as Record<string, unknown>;
  await writeFile(join(dir, 'config.json'), JSON.stringify({ ...config, ...change }));
}

/** A copy of the recorded folder with changed weights. */
async function withTensors(change: (tensors: Map<string, SafetensorsInput>) => Iterable<[string, SafetensorsInput]>) {
  await cp(golden, dir, { recursive: true });
  const { tensors } = decodeSafetensors(await readFile(join(dir, WEIGHTS)));
  await writeFile(join(dir, WEIGHTS), encodeSafetensors(new Map(change(tensors))));
}

const refusal = (code: string, message: RegExp) =>
  expect.objectContaining({ kind: 'input', code, message: expect.stringMatching(message) });

describe('model folders', () => {
  it('are written as diffusers writes them', async () => {
    const { spec, weights } = await readModelFolder(golden);
    await writeModelFolder(dir, spec, weights);
    const written = (file: string) => readFile(join(dir, 'unet', file));
    expect((await written(WEIGHTS)).equals(await readFile(join(golden, WEIGHTS)))).toBe(true);
    const config = JSON.parse((await written('config.json')).toString()) as object;
    const recorded = JSON.parse(await readFile(join(golden, 'config.json'), 'utf8')) as object;
    expect(config).toEqual(recorded);
    expect(Object.keys(config)).toEqual(Object.keys(recorded));
    // No temporary file is left.
    expect((await readdir(join(dir, 'unet'))).toSorted()).toEqual(['config.json', WEIGHTS]);
  });

  it('describe the network that the same choices of ours build', async () => {
    const model = modelSchema.parse({ channels: 8, multipliers: [1, 2], blocks: 2, attention: [8], normGroups: 4 });
    expect((await readModelFolder(golden)).spec).toEqual(buildUNetSpec(model, { size: 16, channels: 3 }));
  });

  it('are read from the sub-folder of a pipeline', async () => {
    await cp(golden, join(dir, 'unet'), { recursive: true });
    await writeFile(join(dir, 'model_index.json'), '{}');
    expect(await readModelFolder(dir)).toEqual(await readModelFolder(golden));
  });

  it('keep a pruned network, its norm groups and its dropout', async () => {
    const spec = smallSpec({ dropout: 0.1 });
    const keep = new Map(
      prunableWidths(spec, innerRule).map(({ id, unit }) => [id, Array.from({ length: unit }, (_, i) => unit + i)]),
    );
    const pruned = sliceModel(spec, randomWeights(spec), keep, innerRule);
    await writeModelFolder(dir, pruned.spec, pruned.weights);
    expect(await readModelFolder(dir)).toEqual(pruned);
    const config = JSON.parse(await readFile(join(dir, 'unet/config.json'), 'utf8')) as Record<string, unknown>;
    expect(config).toMatchObject({ _class_name: 'UNet2DModel', block_out_channels: [8, 16], dropout: 0.1 });
  });

  it('say nothing of ours about an unpruned network', async () => {
    const spec = smallSpec({ multipliers: [1, 2, 1], attention: [4, 2], blocks: 2 });
    const weights = randomWeights(spec);
    await writeModelFolder(dir, spec, weights);
    expect(await readFile(join(dir, 'unet/config.json'), 'utf8')).not.toContain('stepadapt');
    expect(await readModelFolder(dir)).toEqual({ spec, weights });
  });

  it('may have the attention names of old diffusers versions', async () => {
    const old = { to_q: 'query', to_k: 'key', to_v: 'value', 'to_out.0': 'proj_attn' };
    await withTensors((tensors) =>
      Array.from(tensors, ([name, tensor]) => [
        Object.entries(old).reduce((renamed, [now, then]) => renamed.replace(`.${now}.`, `.${then}.`), name),
        tensor,
      ]),
    );
    expect((await readFile(join(dir, WEIGHTS))).includes('mid_block.attentions.0.proj_attn.bias')).toBe(true);
    expect(await readModelFolder(dir)).toEqual(await readModelFolder(golden));
  });

  it('may leave out what diffusers assumes', async () => {
    const { spec } = await readModelFolder(golden);
    await withConfig({
      act_fn: undefined,
      dropout: undefined,
      add_attention: undefined,
      time_embedding_dim: undefined,
    });
    expect((await readModelFolder(dir)).spec).toEqual(spec);
  });
});

describe('readModelFolder refuses', () => {
  it.each([
    ['flip_sin_to_cos', true],
    ['flip_sin_to_cos', undefined],
    ['freq_shift', 0],
    ['downsample_padding', 1],
    ['downsample_padding', undefined],
    ['time_embedding_type', 'fourier'],
    ['resnet_time_scale_shift', 'ada_group'],
    ['attn_norm_num_groups', 2],
    ['downsample_type', 'resnet'],
    ['act_fn', 'gelu'],
    ['add_attention', false],
    ['class_embed_type', 'timestep'],
    ['center_input_sample', true],
    ['mid_block_scale_factor', 1.41],
    ['down_block_types', ['DownBlock2D', 'SkipDownBlock2D']],
    ['_class_name', 'UNet2DConditionModel'],
  ])('a network with %s %o', async (field, value) => {
    await withConfig({ [field]: value });
    await expect(readModelFolder(dir)).rejects.toThrow(refusal('MODEL_UNSUPPORTED', new RegExp(field)));
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    ['no size', { sample_size: null }, /sample_size/],
    ['levels that differ in number', { block_out_channels: [8, 16, 16] }, /differ in length/],
    ['heads that do not divide a level', { attention_head_dim: 5 }, /attention_head_dim 5 does not divide the 16/],
    ['a malformed specification', { stepadapt: { version: 1, spec: {} } }, /stepadapt/],
  ])('a config with %s', async (_, change, message) => {
    await withConfig(change);
    await expect(readModelFolder(dir)).rejects.toThrow(refusal('MODEL_INVALID', message));
  });

  it('a config that is not JSON', async () => {
    await writeFile(join(dir, 'config.json'), '{');
    await expect(readModelFolder(dir)).rejects.toThrow(refusal('MODEL_INVALID', /not JSON/));
  });

  it('a missing folder, and one without weights', async () => {
    await expect(readModelFolder(join(dir, 'nowhere'))).rejects.toThrow(refusal('MODEL_NOT_FOUND', /config\.json/));
    await mkdir(join(dir, 'unet'));
    await cp(join(golden, 'config.json'), join(dir, 'unet/config.json'));
    await expect(readModelFolder(dir)).rejects.toThrow(refusal('MODEL_NOT_FOUND', /no diffusion_pytorch_model/));
  });

  it('tensors that are missing, unknown, of another shape or of another type', async () => {
    const cases: [string, RegExp, (tensors: Map<string, SafetensorsInput>) => void][] = [
      ['MODEL_INVALID', /"conv_in\.bias" is missing/, (tensors) => tensors.delete('conv_in.bias')],
      [
        'MODEL_INVALID',
        /"extra" does not belong/,
        (tensors) => tensors.set('extra', { shape: [1], data: new Float32Array(1) }),
      ],
      [
        'MODEL_INVALID',
        /shape \[2, 4\], not \[8\]/,
        (tensors) => tensors.set('conv_in.bias', { shape: [2, 4], data: new Float32Array(8) }),
      ],
      ['MODEL_UNSUPPORTED', /F64/, (tensors) => tensors.set('conv_in.bias', { shape: [8], data: new Float64Array(8) })],
    ];
    for (const [code, message, change] of cases) {
      await withTensors((tensors) => {
        change(tensors);
        return tensors;
      });
      await expect(readModelFolder(dir)).rejects.toThrow(refusal(code, message));
    }
  });

  it('damaged weights', async () => {
    await cp(golden, dir, { recursive: true });
    const bytes = await readFile(join(dir, WEIGHTS));
    await writeFile(join(dir, 'short'), bytes.subarray(0, bytes.length - 1));
    await rename(join(dir, 'short'), join(dir, WEIGHTS));
    await expect(readModelFolder(dir)).rejects.toThrow(refusal('SAFETENSORS_INVALID', /diffusion_pytorch_model/));
  });
});
