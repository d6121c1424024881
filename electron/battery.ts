import { powerMonitor } from 'electron';

/** Pauses work on battery power for those who want that, and goes on with the same work when power is back. */
export function pauseOnBattery(work: {
  readonly isWanted: () => Promise<boolean>;
  /** Pauses the job at work; returns how to go on with it, or null if there was none. */
  readonly pause: () => Promise<(() => Promise<void>) | null>;
  readonly onError: (error: unknown) => void;
}): void {
  let goOn: (() => Promise<void>) | null = null;
  powerMonitor.on('on-battery', () => {
    void (async () => {
      if (await work.isWanted()) goOn = await work.pause();
    })().catch(work.onError);
  });
  powerMonitor.on('on-ac', () => {
    const resume = goOn;
    goOn = null;
    resume?.().catch(work.onError);
  });
}
