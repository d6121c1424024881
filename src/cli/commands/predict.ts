import type { Command } from 'commander';
import { Option } from 'commander';
import { inputError } from '../../contract/errors.js';
import { readInputFile } from '../../formats/inputFile.js';
import { decodeNpz, encodeNpz, requireArray } from '../../formats/npz.js';
import { readModelFolder } from '../../model/diffusersFolder.js';
import type { UNetSpec } from '../../model/spec.js';
import { predictBatch } from '../../model/predictBatch.js';
import { writeFileAtomic } from '../../project/atomicFile.js';
import type { EngineId } from '../../tensor/engine.js';
import { openEngine } from '../../tensor/openEngine.js';
import { printResult, type OutputOptions } from '../output.js';
import { requireFolderOf } from '../outputPath.js';

interface PredictOptions extends OutputOptions {
  readonly model: string;
  readonly input: string;
  readonly out: string;
  readonly engine: 'auto' | EngineId;
}

export function registerPredictCommand(program: Command): void {
  program
    .command('predict')
    .description("a network's output for given inputs, for checking against other frameworks")
    .requiredOption('--model <folder>', 'diffusers folder')
    .requiredOption('--input <file>', 'npz with x (N,C,H,W) float32 and t (N) integers or float32')
    .requiredOption('--out <file>', 'npz that gets y (N,C,H,W) float32')
    .addOption(new Option('--engine <id>', 'tensor engine').choices(['auto', 'native', 'wasm']).default('auto'))
    .option('--json', 'print JSON')
    .action(async (options: PredictOptions) => {
      await requireFolderOf(options.out);
      const { spec, weights } = await readModelFolder(options.model);
      const { x, timesteps } = await readInput(options.input, spec);
      const engine = await openEngine(options.engine);
      const shape = [timesteps.length, spec.outChannels, spec.size, spec.size];
      const data = predictBatch(spec, weights, x, timesteps);
      await writeFileAtomic(options.out, encodeNpz({ y: { dtype: '<f4', shape, data } }));
      printResult(
        options,
        { out: options.out, shape, engine: engine.id },
        () => `(${shape.join(', ')}) in ${options.out}`,
      );
    });
}

async function readInput(path: string, spec: UNetSpec): Promise<{ x: Float32Array; timesteps: Int32Array }> {
  const arrays = decodeNpz(await readInputFile(path), path);
  const { size, inChannels } = spec;
  const x = requireArray(arrays, ['x'], { dtypes: ['<f4'], shape: [null, inChannels, size, size] }, path);
  const t = requireArray(arrays, ['t'], { dtypes: ['<i4', '<i8', '<f4'], shape: [x.shape[0]] }, path);
  const timesteps = Int32Array.from(t.data as ArrayLike<number | bigint>, Number);
  if (timesteps.some((timestep) => timestep < 0)) {
    throw inputError(
      'NPZ_WRONG_ARRAY',
      `"t" in ${path} has a negative timestep`,
      'timesteps count from 0, least noise',
    );
  }
  return { x: x.data, timesteps };
}
