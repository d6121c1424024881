/**
 * Every error a person can meet. An error is made where it is understood, carries its stable code up unchanged, and is
 * put into words once, by the host (command line, window, web host).
 */

/** `input` means that what the caller gave is wrong (exit code 2); `failure` means that the work went wrong (exit code 1). */
export type ErrorKind = 'input' | 'failure' | 'interrupted';

export interface ErrorDetails {
  /** Stable, upper-case identifier such as `DATA_TRUNCATED`; scripts may rely on it. */
  readonly code: string;
  /** What happened, to which thing. One sentence, no trailing advice. */
  readonly message: string;
  /** What to do next. */
  readonly hint: string;
  /** A setting of the experiment, and a value of it with which the work may well go on; a window offers it. */
  readonly remedy?: { readonly field: string; readonly value: number };
}

interface FailureOptions extends ErrorOptions, Pick<ErrorDetails, 'remedy'> {}

/** An error with a stable code and a way on. */
export class StepAdaptError extends Error implements ErrorDetails {
  override readonly name = 'StepAdaptError';
  declare readonly remedy?: NonNullable<ErrorDetails['remedy']>;

  constructor(
    readonly kind: ErrorKind,
    readonly code: string,
    message: string,
    readonly hint: string,
    options: FailureOptions = {},
  ) {
    super(message, options);
    if (options.remedy !== undefined) this.remedy = options.remedy;
  }
}

/** Bad input: refused before anything is changed. Exit code 2. */
export function inputError(code: string, message: string, hint: string, options?: ErrorOptions): StepAdaptError {
  return new StepAdaptError('input', code, message, hint, options);
}

/** Work that went wrong. Exit code 1. */
export function failure(code: string, message: string, hint: string, options?: FailureOptions): StepAdaptError {
  return new StepAdaptError('failure', code, message, hint, options);
}

/** The run was stopped on request and can go on from its last checkpoint. Exit code 130. */
export function interrupted(message = 'stopped on request'): StepAdaptError {
  return new StepAdaptError('interrupted', 'INTERRUPTED', message, 'run the same command again to go on');
}

/** Exit code of the command line for an error of this kind. */
export function exitCode(error: unknown): 1 | 2 | 130 {
  if (!(error instanceof StepAdaptError)) return 1;
  return error.kind === 'input' ? 2 : error.kind === 'interrupted' ? 130 : 1;
}

/** Troubles of the place that results are written to: the run rests and goes on when they are gone. */
const STORAGE_TROUBLES = new Set(['DISK_FULL', 'DISK_FAILED', 'NOT_WRITABLE', 'PROJECT_GONE']);

/** Whether the run can go on from its last checkpoint once somebody has seen to the disk. */
export function isStorageTrouble({ code }: Pick<ErrorDetails, 'code'>): boolean {
  return STORAGE_TROUBLES.has(code);
}

/** Node's file-system error codes in words; anything else becomes an `UNEXPECTED` failure that keeps its cause. */
export function describeError(error: unknown): ErrorDetails {
  const { message, hint, ...rest } = rawDetails(error);
  return { ...rest, message: oneLine(message), hint: oneLine(hint) };
}

/** Longest sentence that helps anyone. */
const MAX_TEXT = 2000;

/**
 * Messages quote what strangers wrote: names in files, fields of configs. Control characters, which could rewrite a terminal or
 * a log, become spaces, as do the marks that reverse the direction of text; what is too long is cut.
 */
function oneLine(text: string): string {
  const plain = text.slice(0, MAX_TEXT).replace(/[\p{Cc}\p{Cs}\u2028-\u202e\u2066-\u2069]+/gu, ' ');
  return text.length > MAX_TEXT ? `${plain}…` : plain;
}

function rawDetails(error: unknown): ErrorDetails {
  if (error instanceof StepAdaptError) {
    const { code, message, hint, remedy } = error;
    return { code, message, hint, ...(remedy !== undefined && { remedy }) };
  }
  const cause = error instanceof Error ? error : new Error(String(error));
  const systemCode = (cause as { code?: unknown }).code;
  switch (systemCode) {
    case 'ENOSPC':
    case 'EDQUOT':
      return {
        code: 'DISK_FULL',
        message: `the disk is full (${cause.message})`,
        hint: 'free some space, then start again: it goes on from the last checkpoint',
      };
    case 'EIO':
    case 'ENODEV':
    case 'ENXIO':
    case 'ESTALE':
      return { code: 'DISK_FAILED', message: cause.message, hint: 'check the disk and its connection, then run again' };
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return { code: 'NOT_WRITABLE', message: cause.message, hint: 'check the permissions of that path' };
    case 'ENAMETOOLONG':
    case 'ELOOP':
    case 'ENOTDIR':
    case 'EISDIR':
    case 'ERR_INVALID_ARG_VALUE':
      return { code: 'PATH_INVALID', message: cause.message, hint: 'check the path' };
    case 'ENOENT':
      return { code: 'NOT_FOUND', message: cause.message, hint: 'check the path' };
    default:
      return { code: 'UNEXPECTED', message: cause.message, hint: 'this is a defect: please report it with the log' };
  }
}
