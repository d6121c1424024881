import type { ExperimentConfig } from '../contract/config.js';
import type { EventSink } from '../contract/events.js';
import type { ComputePurpose } from '../contract/project.js';
import type { Dataset } from '../data/dataset.js';
import type { Project } from '../project/project.js';
import type { Engine } from '../tensor/engine.js';
import type { ExperimentDesign } from './design.js';
import type { DrawRequests } from './drawRequests.js';
import type { StageStore } from './stageStore.js';

/** What a stage works with. Effects go through here; results go into the stage's own folder. */
export interface StageContext {
  readonly project: Project;
  readonly config: ExperimentConfig;
  readonly design: ExperimentDesign;
  readonly engine: Engine;
  readonly store: StageStore;
  readonly data: { readonly train: Dataset; readonly heldOut: Dataset };
  readonly emit: EventSink;
  readonly signal: AbortSignal;
  /** Samples that somebody asks for while a network trains. */
  readonly draws: DrawRequests;
  /** The stage that is running, and its folder. */
  readonly stageId: string;
  /** SHA-256 of everything that decides the stage's result; its checkpoints carry it. */
  readonly inputHash: string;
  readonly folder: string;
}

/** Multiply-accumulates a stage's result cost, by purpose. Counted from the work itself, so an interruption changes nothing. */
export type StageCompute = Readonly<Partial<Record<ComputePurpose, number>>>;

/** One step of the pipeline: a pure function of its inputs, with its results on disk. */
export interface Stage {
  /** `base`, `experts/2`: also the folder below `stages/`. */
  readonly id: string;
  /** Stages whose results it reads. */
  readonly after: readonly string[];
  /** The part of the config it depends on; with `after` it decides whether the stage must run again. */
  readonly inputs: unknown;
  /** Goes on from what an interrupted run of the same inputs left in its folder. */
  run(context: StageContext): Promise<StageCompute>;
}
