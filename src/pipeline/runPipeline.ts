import type { ExperimentConfig } from '../contract/config.js';
import { describeError, inputError, interrupted, isStorageTrouble, StepAdaptError } from '../contract/errors.js';
import type { EventSink } from '../contract/events.js';
import type { StageRecord } from '../contract/project.js';
import type { Project } from '../project/project.js';
import { sweepLeftovers } from '../project/leftovers.js';
import { lockProject } from '../project/projectLock.js';
import type { Engine } from '../tensor/engine.js';
import { releaseHostMemory } from '../tensor/hostMemory.js';
import { peakRssBytes, resetPeakRss } from '../tensor/memory.js';
import { requirePrecision } from '../tensor/precision.js';
import { SOFTWARE_VERSION } from '../contract/version.js';
import { loadExperimentData } from './experimentData.js';
import { DrawRequests } from './drawRequests.js';
import { designExperiment, type ExperimentDesign } from './design.js';
import { requireSpaceForRun } from './diskNeed.js';
import { forecastRun } from './forecast.js';
import { availableMemory, memoryBound } from './memoryWarning.js';
import { projectDesign } from './projectDesign.js';
import { inputHashes } from './inputHash.js';
import { openEngineFor } from './openEngineFor.js';
import { pipelineStages } from './pipelineStages.js';
import type { Stage, StageCompute, StageContext } from './stage.js';
import { writeStageHashes } from './stageHashes.js';
import { StageStore } from './stageStore.js';

export interface RunOptions {
  readonly emit: EventSink;
  readonly signal: AbortSignal;
  /** Stop after this stage (and the stages before it). `experts` means all of them. */
  readonly until?: string;
  /** Run this stage alone; the stages it reads must be done. */
  readonly only?: string;
  /** Computes the chosen stages again although they are finished; an evaluation reads its images back from disk. */
  readonly again?: boolean;
  /** Samples that somebody asks for while a network trains. */
  readonly draws?: DrawRequests;
}

/**
 * Runs every stage whose inputs changed or which is not finished, in order, going on from checkpoints. Holds the project's
 * writer's place meanwhile.
 * @throws whatever a stage throws, after its record says so; `INTERRUPTED` when `signal` is aborted
 */
export async function runPipeline(project: Project, options: RunOptions): Promise<void> {
  const { config } = project.file;
  // Refuses an experiment that cannot be, before anything is touched.
  const planned = designExperiment(config);
  const stages = pipelineStages(config);
  const chosen = chooseStages(stages, options);
  const store = new StageStore(project);
  const hashes = inputHashes(stages);
  const draws = options.draws ?? new DrawRequests();
  const release = await lockProject(project);
  try {
    await sweepLeftovers(project.folder);
    if (options.only !== undefined) await requireUpstream(chosen, store, hashes);
    let isMemoryChecked = false;
    let shared: Pick<StageContext, 'engine' | 'data'> | null = null;
    for (const stage of chosen) {
      const inputHash = hashes.get(stage.id)!;
      const record = await store.prepare(stage.id, inputHash);
      if (record?.state === 'done' && options.again !== true) {
        options.emit({ type: 'state', stage: stage.id, state: 'done' });
        continue;
      }
      if (shared === null) await requireSpaceForRun(project, planned);
      shared ??= {
        engine: await openFor(config),
        data: await loadExperimentData(project, options.emit, options.signal),
      };
      // Read before each stage: groups and budgets may depend on what an earlier one measured.
      const design = await projectDesign(config, store);
      if (!isMemoryChecked) await warnAboutMemory(config, design, options.emit);
      isMemoryChecked = true;
      const { emit, signal } = options;
      const context = { project, config, design, store, ...shared, emit, signal, draws };
      await runStage(stage, record, inputHash, context);
    }
  } catch (error) {
    // A file that cannot be found or written may mean that the whole folder is gone.
    if (!(error instanceof StepAdaptError)) await store.requireProject();
    throw error;
  } finally {
    await release();
  }
}

/**
 * Refuses what `runPipeline` would refuse before it touches anything: an experiment that cannot be, stages that it does not have.
 * For callers who write the config down first.
 */
export function requireRunnable(config: ExperimentConfig, options: Pick<RunOptions, 'until' | 'only'>): void {
  designExperiment(config);
  chooseStages(pipelineStages(config), options);
}

/** Opens the engine, and refuses an experiment that it cannot compute before a stage is marked as running. */
async function openFor(config: ExperimentConfig): Promise<Engine> {
  const opened = await openEngineFor(config);
  requirePrecision(config.precision);
  return opened;
}

async function runStage(
  stage: Stage,
  previous: StageRecord | null,
  inputHash: string,
  shared: Omit<StageContext, 'folder' | 'stageId' | 'inputHash'>,
): Promise<void> {
  const { store, signal, emit } = shared;
  const started = performance.now();
  resetPeakRss();
  let progress = previous?.progress ?? 0;
  const record = (state: StageRecord['state'], macs: StageCompute, error: unknown = null): StageRecord => ({
    format: 'stepadapt-stage',
    version: 1,
    id: stage.id,
    state,
    inputHash,
    startedAt: previous?.startedAt ?? new Date().toISOString(),
    finishedAt: state === 'done' ? new Date().toISOString() : null,
    seconds: (previous?.seconds ?? 0) + (performance.now() - started) / 1000,
    peakRssBytes: Math.max(previous?.peakRssBytes ?? 0, peakRssBytes()),
    progress: state === 'done' ? 1 : progress,
    engine: engineRecord(shared.engine),
    softwareVersion: SOFTWARE_VERSION,
    macs,
    error: error === null ? null : describeError(error),
  });
  await store.write(record('running', {}));
  emit({ type: 'state', stage: stage.id, state: 'running' });
  let macs: StageCompute;
  try {
    if (signal.aborted) throw interrupted();
    macs = await stage.run({
      ...shared,
      stageId: stage.id,
      inputHash,
      folder: store.folder(stage.id),
      emit: (event) => {
        if (event.type === 'progress') progress = Math.min(1, event.done / Math.max(1, event.total));
        emit(event);
      },
    });
    await writeStageHashes(store.folder(stage.id));
    // The next stage shall not begin with what this one held.
    releaseHostMemory();
  } catch (error) {
    const isStopped = error instanceof StepAdaptError && error.kind === 'interrupted';
    const state = isStopped || isStorageTrouble(describeError(error)) ? 'interrupted' : 'failed';
    // On a full disk the record may not be writable either; the first error is the one to show.
    await store.write(record(state, {}, error)).catch(() => undefined);
    emit({ type: 'state', stage: stage.id, state });
    throw error;
  }
  await store.write(record('done', macs));
  emit({ type: 'state', stage: stage.id, state: 'done' });
}

/** Measures what the run will need only where the network's size alone does not show that it fits: measuring takes a while. */
async function warnAboutMemory(config: ExperimentConfig, design: ExperimentDesign, emit: EventSink): Promise<void> {
  if (memoryBound(config, design) <= availableMemory()) return;
  const { warning } = await forecastRun(config, design);
  if (warning !== undefined) emit({ type: 'log', level: 'warn', message: warning });
}

function engineRecord(engine: Engine): StageRecord['engine'] {
  return { id: engine.id, version: engine.version, device: engine.device, threads: engine.threads };
}

function chooseStages(stages: readonly Stage[], options: Pick<RunOptions, 'until' | 'only'>): readonly Stage[] {
  const matches = (name: string) => (stage: Stage) => stage.id === name || stage.id.startsWith(`${name}/`);
  for (const name of [options.until, options.only]) {
    if (name !== undefined && !stages.some(matches(name))) {
      const known = stages.map((stage) => stage.id).join(', ');
      throw inputError('STAGE_UNKNOWN', `there is no stage "${name}"`, `choose one of ${known}`);
    }
  }
  if (options.only !== undefined) return stages.filter(matches(options.only));
  if (options.until === undefined) return stages;
  return stages.slice(0, stages.findLastIndex(matches(options.until)) + 1);
}

async function requireUpstream(
  chosen: readonly Stage[],
  store: StageStore,
  hashes: ReadonlyMap<string, string>,
): Promise<void> {
  const own = new Set(chosen.map((stage) => stage.id));
  for (const id of chosen.flatMap((stage) => stage.after)) {
    if (own.has(id)) continue;
    const record = await store.read(id);
    if (record?.state !== 'done' || record.inputHash !== hashes.get(id)) {
      throw inputError(
        'STAGE_NOT_READY',
        `${chosen[0].id} reads ${id}, which is not finished`,
        'run what comes before it first: `stepadapt run`, without --only',
      );
    }
  }
}
