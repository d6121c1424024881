import type { StageState } from '../contract/events.js';
import type { StageRecord } from '../contract/project.js';
import type { Project } from '../project/project.js';
import { isProjectLocked } from '../project/projectLock.js';
import { inputHashes } from './inputHash.js';
import { pipelineStages } from './pipelineStages.js';
import { StageStore } from './stageStore.js';

export interface StageStatus {
  readonly id: string;
  readonly state: StageState;
  /** Fraction done, 0..1. */
  readonly progress: number;
  /** Seconds to go at the speed so far; null for stages that have not begun. */
  readonly etaSeconds: number | null;
  /** Seconds of work so far, without those of the attempt at work. */
  readonly seconds: number;
}

export interface ProjectStatus {
  readonly name: string;
  readonly stages: readonly StageStatus[];
}

/** State of every stage, from what is on disk. A stage that was computed from another config is `stale`. */
export async function projectStatus(project: Project): Promise<ProjectStatus> {
  const stages = pipelineStages(project.file.config);
  const hashes = inputHashes(stages);
  const store = new StageStore(project);
  const inUse = await isProjectLocked(project);
  const statuses: StageStatus[] = [];
  for (const { id } of stages) {
    const record = await store.read(id);
    const state = stateOf(record, hashes.get(id)!, inUse);
    const current = record !== null && state !== 'stale';
    statuses.push({
      id,
      state,
      progress: current ? record.progress : 0,
      etaSeconds: current ? secondsToGo(record) : null,
      seconds: current ? record.seconds : 0,
    });
  }
  return { name: project.file.name, stages: statuses };
}

function stateOf(record: StageRecord | null, inputHash: string, inUse: boolean): StageState {
  if (record === null) return 'pending';
  if (record.inputHash !== inputHash) return 'stale';
  // A record that says running without a process that holds the project was left by a crash.
  return record.state === 'running' && !inUse ? 'interrupted' : record.state;
}

function secondsToGo(record: StageRecord): number | null {
  if (record.state === 'done') return 0;
  if (record.progress === 0) return null;
  return (record.seconds * (1 - record.progress)) / record.progress;
}
