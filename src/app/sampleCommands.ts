import { failure, inputError } from '../contract/errors.js';
import { superviseEngine } from '../jobs/superviseEngine.js';
import type { DrawTask } from '../pipeline/drawSamples.js';
import type { Project } from '../project/project.js';
import type { AppServices, Handlers } from './appServices.js';
import { viewDrawn } from './projectFiles.js';

/** Samples on demand: from the run at work, or in a short process of their own. */
export function sampleCommands({ registry, live, spawn, now }: AppServices): Pick<Handlers, 'samples.draw'> {
  let drawing: Promise<unknown> = Promise.resolve();

  function inTurn<T>(draw: () => Promise<T>): Promise<T> {
    const next = drawing.then(draw);
    drawing = next.catch(() => undefined);
    return next;
  }

  async function drawApart(project: Project, task: DrawTask): Promise<string> {
    let drawn: string | null = null;
    const { outcome } = superviseEngine({
      spawn,
      task: { type: 'draw', project: project.path, config: project.file.config, ...task },
      listener: { onDrawn: (name) => (drawn = name) },
    });
    const result = await outcome;
    if (drawn !== null) return drawn;
    const { code, message, hint } =
      'error' in result
        ? result.error
        : { code: 'DRAWING_STOPPED', message: 'the drawing was cut off', hint: 'ask again' };
    throw failure(code, message, hint);
  }

  return {
    'samples.draw': async ({ id, model, seed, count }) => {
      const project = await registry.open(id);
      if (model !== 'training') {
        const task = { model, seed, count, at: now().toISOString() };
        return viewDrawn(id, await inTurn(() => drawApart(project, task)));
      }
      const engine = live(project.path).job?.engine ?? null;
      if (engine === null) {
        throw inputError(
          'NOTHING_IN_TRAINING',
          `${project.file.name} is not running`,
          'choose a model that is trained',
        );
      }
      return viewDrawn(id, await engine.draw({ seed, count }));
    },
  };
}
