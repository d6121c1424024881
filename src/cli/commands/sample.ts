import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { inputError } from '../../contract/errors.js';
import { trainingObjective } from '../../diffusion/objective.js';
import { encodePng } from '../../formats/images.js';
import { encodeNpz } from '../../formats/npz.js';
import { bytesFromImages } from '../../formats/pixels.js';
import { readModelFolder } from '../../model/diffusersFolder.js';
import { projectDesign } from '../../pipeline/projectDesign.js';
import { openModel } from '../../pipeline/models.js';
import { ProgressMeter } from '../../pipeline/progressMeter.js';
import { StageStore } from '../../pipeline/stageStore.js';
import { writeFileAtomic } from '../../project/atomicFile.js';
import { openProject, type Project } from '../../project/project.js';
import type { Denoiser } from '../../sampling/denoiser.js';
import { createNetworkDenoiser } from '../../sampling/networkDenoiser.js';
import { sampleImages } from '../../sampling/sampleImages.js';
import { openEngine } from '../../tensor/openEngine.js';
import { countOption } from '../options.js';
import { printResult, type OutputOptions } from '../output.js';
import { openProgressView } from '../progressView.js';
import { stopOnInterrupt } from '../stopSignal.js';

interface SampleOptions extends OutputOptions {
  readonly model: string;
  readonly count: number;
  readonly seed: number;
  readonly out: string;
}

export function registerSampleCommand(program: Command): void {
  program
    .command('sample')
    .argument('<project>', 'project folder or .stepadapt file')
    .description("draw images with the project's sampler")
    .option('--model <name>', 'base, adaptive, uniform, or the path of a diffusers folder', 'adaptive')
    .option('--count <n>', 'images', countOption('count', 1), 16)
    .option('--seed <n>', 'seed of the noises', countOption('seed', 0), 0)
    .requiredOption('--out <path>', 'X.npz (arr_0, uint8 NHWC) or a folder of PNG files')
    .option('--json', 'print JSON')
    .action(async (path: string, options: SampleOptions) => {
      const project = await openProject(path);
      const { config } = project.file;
      const design = await projectDesign(config, new StageStore(project));
      await openEngine(config.engine);
      const denoiser = await openDenoiser(project, options.model);
      const view = openProgressView({ json: false });
      const stop = stopOnInterrupt();
      const progress = new ProgressMeter(
        options.json === true ? () => undefined : view.emit,
        'sample',
        'image',
        options.count,
      );
      try {
        const images = await sampleImages({
          denoiser,
          schedule: design.schedule,
          sampling: config.sampling,
          count: options.count,
          size: config.data.size,
          channels: config.data.channels,
          seed: options.seed,
          signal: stop.signal,
          onProgress: (done) => progress.report(done),
        });
        await saveImages(options.out, bytesFromImages(images), options.count, config.data);
        printResult(
          options,
          { out: options.out, count: options.count },
          () => `${options.count} images in ${options.out}`,
        );
      } finally {
        view.close();
        stop.restore();
        denoiser.dispose();
      }
    });
}

async function openDenoiser(project: Project, model: string): Promise<Denoiser> {
  const { config } = project.file;
  if (model === 'base' || model === 'adaptive' || model === 'uniform') {
    const store = new StageStore(project);
    return (await openModel(model, await projectDesign(config, store), store)).denoiser;
  }
  const { spec, weights } = await readModelFolder(model);
  if (spec.size !== config.data.size || spec.inChannels !== config.data.channels) {
    throw inputError(
      'MODEL_MISMATCH',
      `${model} makes images of ${spec.size} x ${spec.size} x ${spec.inChannels}, the project of ${config.data.size} x ${config.data.size} x ${config.data.channels}`,
      'choose a model trained on images of the same shape',
    );
  }
  return createNetworkDenoiser(spec, weights, trainingObjective(config));
}

async function saveImages(
  out: string,
  bytes: Uint8Array,
  count: number,
  { size, channels }: { size: number; channels: 1 | 3 },
): Promise<void> {
  if (out.endsWith('.npz')) {
    const array = { dtype: '|u1', shape: [count, size, size, channels], data: bytes } as const;
    await writeFileAtomic(out, encodeNpz({ arr_0: array }));
    return;
  }
  await mkdir(out, { recursive: true });
  const length = size * size * channels;
  for (let index = 0; index < count; index++) {
    const png = await encodePng(bytes.subarray(index * length, (index + 1) * length), {
      width: size,
      height: size,
      channels,
    });
    await writeFileAtomic(join(out, `${String(index).padStart(6, '0')}.png`), png);
  }
}
