import { describeError, exitCode, type ErrorDetails } from '../contract/errors.js';

/** Options every command has. */
export interface OutputOptions {
  readonly json?: boolean;
}

/** Prints the result of a command: one JSON document with `--json`, otherwise the text made for people. */
export function printResult(options: OutputOptions, result: unknown, text: () => string): void {
  process.stdout.write(options.json === true ? `${JSON.stringify(result)}\n` : `${text()}\n`);
}

/** Puts an error into words, once, and sets the exit code. Stack traces are for defects only. */
export function printError(error: unknown, json: boolean): void {
  const details: ErrorDetails = describeError(error);
  process.exitCode = exitCode(error);
  if (json) process.stdout.write(`${JSON.stringify({ error: details })}\n`);
  else process.stderr.write(`error ${details.code}: ${details.message}\n  ${details.hint}\n`);
  if (details.code === 'UNEXPECTED' && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
}
