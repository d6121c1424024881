import { failure, type ErrorDetails } from '../contract/errors.js';

interface OpenWish {
  readonly fulfil: (name: string) => void;
  readonly refuse: (error: unknown) => void;
}

/** Pictures that an engine process was asked for and did not answer yet. */
export class Wishes {
  private readonly waiting = new Map<number, OpenWish>();
  private last = 0;

  /** @returns a number for the message, and what comes of it */
  open(): { request: number; answer: Promise<string> } {
    const request = ++this.last;
    const answer = new Promise<string>((fulfil, refuse) => this.waiting.set(request, { fulfil, refuse }));
    return { request, answer };
  }

  fulfil(request: number, name: string): void {
    this.waiting.get(request)?.fulfil(name);
    this.waiting.delete(request);
  }

  refuse(request: number, { code, message, hint }: ErrorDetails): void {
    this.waiting.get(request)?.refuse(failure(code, message, hint));
    this.waiting.delete(request);
  }

  refuseAll(error: unknown): void {
    for (const { refuse } of this.waiting.values()) refuse(error);
    this.waiting.clear();
  }
}

export function engineEnded(): Error {
  return failure('ENGINE_ENDED', 'the run ended before its next step', 'ask again: its newest checkpoint is used then');
}

export function nothingInTraining(stage: string | null): Error {
  return failure(
    'NOTHING_IN_TRAINING',
    stage === null ? 'the run has not begun to train' : `the stage at work, ${stage}, trains no network`,
    'choose a model that is trained already, or ask again later',
  );
}
