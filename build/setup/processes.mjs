// Child processes of the set-up. Their output never reaches stdout, which belongs to the command that follows.
import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * How a command ended.
 * @typedef {object} ProcessResult
 * @property {number | null} code exit status; null when a signal ended it or it could not be started
 * @property {string} stdout
 * @property {string} stderr
 */

/**
 * Runs a command to its end; the engine's functions take it as a parameter so that tests need neither tools nor network.
 * @typedef {(command: string, args: readonly string[], options?: { env?: NodeJS.ProcessEnv, cwd?: string, onStdout?: (text: string) => void }) => Promise<ProcessResult>} RunProcess
 */

/** @type {RunProcess} */
export function runProcess(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
      stdout += text;
      options.onStdout?.(text);
    });
    child.stderr.setEncoding('utf8').on('data', (/** @type {string} */ text) => (stderr += text));
    child.on('error', (error) => resolve({ code: null, stdout, stderr: error.message }));
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/**
 * The first of these programs that the search path holds, or null. Looking is far quicker than starting them.
 * @param {readonly string[]} names
 * @param {NodeJS.ProcessEnv} env
 * @returns {string | null}
 */
export function findProgram(names, env) {
  const folders = (env.PATH ?? '').split(delimiter).filter(Boolean);
  return names.find((name) => isExecutable(name) || folders.some((folder) => isExecutable(join(folder, name)))) ?? null;
}

/** @type {(path: string) => boolean} */
function isExecutable(path) {
  if (!/[\\/]/.test(path)) return false;
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/**
 * The line of a failed program's output that says most: its last error line, else its last line.
 * @param {ProcessResult} result
 * @returns {string}
 */
export function failureLine(result) {
  const lines = `${result.stdout}\n${result.stderr}`
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  return lines.findLast((line) => /\berror\b/i.test(line)) ?? lines.at(-1) ?? `exit status ${result.code}`;
}
