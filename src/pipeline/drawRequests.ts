/** What somebody wants to see of the network in training. */
export interface DrawWish {
  readonly seed: number;
  readonly count: number;
}

interface OpenWish extends DrawWish {
  readonly done: (name: string) => void;
  readonly refused: (error: unknown) => void;
}

/** Wishes for samples that a training carries out between two updates. */
export class DrawRequests {
  private open: OpenWish[] = [];

  /** @returns the name of the picture; rejects where it could not be drawn, or the training ends first */
  ask(wish: DrawWish): Promise<string> {
    return new Promise((done, refused) => this.open.push({ ...wish, done, refused }));
  }

  /** Carries out what was asked for since. Never rejects: a picture that cannot be drawn is no reason to stop a training. */
  async answer(draw: (wish: DrawWish) => Promise<string>): Promise<void> {
    const taken = this.open;
    this.open = [];
    for (const wish of taken) await draw(wish).then(wish.done, wish.refused);
  }

  /** The training is over: nothing that still waits will be drawn. */
  refuseAll(error: unknown): void {
    const taken = this.open;
    this.open = [];
    for (const { refused } of taken) refused(error);
  }
}
