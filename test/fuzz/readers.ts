import type { FuzzReader } from './fuzzReader.js';
import * as binary from './readers/binaryReaders.js';
import * as host from './readers/hostReaders.js';
import { imageReader } from './readers/imageReaders.js';
import * as project from './readers/projectReaders.js';

/** Every reader of what a stranger may have made. */
const READERS: Readonly<Record<string, () => Promise<FuzzReader>>> = {
  safetensors: binary.safetensorsReader,
  npy: binary.npyReader,
  npz: binary.npzReader,
  torch: binary.torchReader,
  cifar: binary.cifarReader,
  json: project.jsonReader,
  config: project.configReader,
  settings: project.settingsReader,
  sweep: project.sweepReader,
  'model config': project.modelConfigReader,
  'engine messages': host.engineMessageReader,
  'host messages': host.hostMessageReader,
  'model answers': host.answerReader,
  commands: host.commandReader,
  idx: binary.idxReader,
  'image set': binary.imageSetReader,
  project: project.projectReader,
  'job record': project.jobReader,
  queue: project.queueReader,
  'stage record': project.stageReader,
  checkpoint: project.checkpointReader,
  metrics: project.metricsReader,
  memory: project.memoryReader,
  transcript: project.transcriptReader,
  'pruning result': project.pruningReader,
  report: project.reportReader,
  images: imageReader,
};

export const READER_NAMES: readonly string[] = Object.keys(READERS);

export function openReaders(names: readonly string[]): Promise<FuzzReader[]> {
  return Promise.all(
    names.map((name) => {
      if (!Object.hasOwn(READERS, name)) throw new Error(`no reader "${name}"; there are ${READER_NAMES.join(', ')}`);
      return READERS[name]();
    }),
  );
}
