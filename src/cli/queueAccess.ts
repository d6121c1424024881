import { createApplication } from '../app/application.js';
import { applicationFolder } from '../app/applicationFolder.js';
import { askHost } from '../app/hostMailbox.js';
import type { CommandName, CommandParams, CommandValue } from '../contract/api.js';
import { StepAdaptError } from '../contract/errors.js';

/** Gives the application's commands, whoever carries them out. */
export interface QueueAccess {
  /** Whether a window, a web host or `queue run` holds the queue now, and so starts what is in it. */
  readonly hasHost: boolean;
  /** @throws the command's error */
  ask<N extends CommandName>(command: N, params: CommandParams<N>): Promise<CommandValue<N>>;
}

/**
 * Works on the queue: through the host that runs, or, where none does, on its files. Editing starts no job.
 */
export async function withQueue<T>(work: (queue: QueueAccess) => Promise<T>): Promise<T> {
  const dataFolder = applicationFolder();
  let app;
  try {
    app = await createApplication({ host: 'process', dataFolder, roots: null, runsJobs: false });
  } catch (error) {
    if (!(error instanceof StepAdaptError) || error.code !== 'APP_RUNNING') throw error;
    return work({
      hasHost: true,
      ask: async (command, params) => valueOf(await askHost(dataFolder, command, params)) as never,
    });
  }
  const { call, close } = app;
  try {
    return await work({
      hasHost: false,
      ask: async (command, params) => valueOf(await call(command, params)) as never,
    });
  } finally {
    await close();
  }
}

type Answer = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: Refusal };
type Refusal = { readonly code: string; readonly message: string; readonly hint: string };

/** Refusals of a command are about what was asked for. */
function valueOf(result: Answer): unknown {
  if (result.ok) return result.value;
  throw new StepAdaptError('input', result.error.code, result.error.message, result.error.hint);
}
