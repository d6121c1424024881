import { join } from 'node:path';
import { stat } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { describeError, inputError, StepAdaptError, type ErrorDetails } from '../../contract/errors.js';
import type { EventSink } from '../../contract/events.js';
import { createProject, openProject, type Project } from '../../project/project.js';
import { runPipeline } from '../runPipeline.js';
import { shareStages } from './shareStages.js';
import type { SweepPoint } from './sweepFile.js';

/** How one project of a sweep ended. */
export interface SweepOutcome {
  readonly point: SweepPoint;
  readonly project: Project;
  /** Why it failed; null when it is finished. */
  readonly error: ErrorDetails | null;
}

export interface SweepOptions {
  /** Folder of the projects. */
  readonly folder: string;
  readonly emit: EventSink;
  readonly signal: AbortSignal;
}

/**
 * Runs the projects of a sweep one after another, each going on from where it was, and each taking over the finished stages
 * that an earlier one computed from the same inputs. A project that fails does not keep the others from running.
 *
 * @throws `SWEEP_CHANGED` before anything runs, when a project of that name was made from another config; `INTERRUPTED`
 */
export async function runSweep(points: readonly SweepPoint[], options: SweepOptions): Promise<SweepOutcome[]> {
  const { folder, emit, signal } = options;
  for (const point of points) await existingProject(point, folder);
  const outcomes: SweepOutcome[] = [];
  for (const [index, point] of points.entries()) {
    emit({ type: 'log', level: 'info', message: `project ${index + 1} of ${points.length}: ${point.name}` });
    const project =
      (await existingProject(point, folder)) ??
      (await createProject(join(folder, point.name), { name: point.name, preset: null, config: point.config }));
    let error: ErrorDetails | null = null;
    try {
      const copied = await shareStages(
        project,
        outcomes.map((outcome) => outcome.project),
      );
      if (copied.length > 0) emit({ type: 'log', level: 'info', message: `already computed: ${copied.join(', ')}` });
      await runPipeline(project, { emit, signal });
    } catch (cause) {
      if (cause instanceof StepAdaptError && cause.kind === 'interrupted') throw cause;
      error = describeError(cause);
      emit({ type: 'log', level: 'error', message: `${point.name} failed: ${error.message}` });
    }
    outcomes.push({ point, project, error });
  }
  return outcomes;
}

async function existingProject(point: SweepPoint, folder: string): Promise<Project | null> {
  const path = join(folder, point.name, `${point.name}.stepadapt`);
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  if (!isThere) return null;
  const project = await openProject(path);
  if (isDeepStrictEqual(project.file.config, point.config)) return project;
  throw inputError(
    'SWEEP_CHANGED',
    `${path} was made from another config than the sweep now gives it`,
    'choose another folder for the changed sweep, or remove that project',
  );
}
