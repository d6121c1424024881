import { rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { schedulerConfig } from '../diffusion/diffusersScheduler.js';
import { countModel } from '../model/countModel.js';
import { writeModelFolder } from '../model/diffusersFolder.js';
import { makeFolder, writeJsonAtomic } from '../project/atomicFile.js';
import type { Project } from '../project/project.js';
import { refuseExisting } from './bundle.js';
import { StageStore } from './stageStore.js';
import { trainedNetwork } from './trainedWeights.js';

/**
 * A folder that diffusers' `DDPMPipeline.from_pretrained` opens; a network with pruned widths only this program reads.
 * @returns parameters of the network
 */
export async function writeDiffusersPipeline(
  project: Project,
  model: 'base' | 'uniform',
  out: string,
): Promise<number> {
  const target = resolve(out);
  await refuseExisting(target);
  const { diffusion, sampling } = project.file.config;
  const { spec, weights } = await trainedNetwork(new StageStore(project), model);
  const staging = join(dirname(target), `.stepadapt-export-${process.pid}`);
  await rm(staging, { recursive: true, force: true });
  try {
    await makeFolder(join(staging, 'scheduler'));
    await writeModelFolder(staging, spec, weights);
    await writeJsonAtomic(join(staging, 'scheduler', 'scheduler_config.json'), schedulerConfig(diffusion, sampling));
    await writeJsonAtomic(join(staging, 'model_index.json'), {
      _class_name: 'DDPMPipeline',
      scheduler: ['diffusers', 'DDPMScheduler'],
      unet: ['diffusers', 'UNet2DModel'],
    });
    await rename(staging, target);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  return countModel(spec).parameters;
}
