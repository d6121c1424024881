// The set-up's command line and environment.
import { ENGINE_CHOICES } from '../nativeEngine/variants.mjs';

/** @typedef {import('../nativeEngine/variants.mjs').EngineChoice} EngineChoice */

/**
 * Which engine is wanted, and whether a remembered failure is to be tried again. Naming an engine, or `--engine` alone, is
 * asking for another try.
 * @param {readonly string[]} args `--engine [auto|cpu|cuda|none]`
 * @param {NodeJS.ProcessEnv} env `STEPADAPT_ENGINE_VARIANT`, `STEPADAPT_RETRY`
 * @returns {{ choice: EngineChoice, retry: boolean } | { problem: string }}
 */
export function parseEngineOptions(args, env) {
  const [flag, value, ...rest] = args.flatMap((arg) => (arg.startsWith('--engine=') ? arg.split('=', 2) : [arg]));
  if ((flag !== undefined && flag !== '--engine') || rest.length > 0) {
    return {
      problem: `unknown argument ${rest[0] ?? flag}; usage: npm run setup -- [--engine [${ENGINE_CHOICES.join('|')}]]`,
    };
  }
  const wanted = value ?? env.STEPADAPT_ENGINE_VARIANT ?? 'auto';
  const choice = ENGINE_CHOICES.find((name) => name === wanted);
  if (choice === undefined) return { problem: `unknown engine "${wanted}"; choose ${ENGINE_CHOICES.join(', ')}` };
  return { choice, retry: flag !== undefined || Boolean(env.STEPADAPT_RETRY) };
}
