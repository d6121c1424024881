import { powerSaveBlocker } from 'electron';

/** Keeps the computer from sleeping while work runs; the screen may turn off. */
export interface PowerHold {
  /** Takes or releases the hold; asking twice for the same changes nothing. */
  setBusy(busy: boolean): void;
}

export function createPowerHold(): PowerHold {
  let blocker: number | null = null;
  return {
    setBusy(busy) {
      if (busy && blocker === null) {
        blocker = powerSaveBlocker.start('prevent-app-suspension');
      } else if (!busy && blocker !== null) {
        powerSaveBlocker.stop(blocker);
        blocker = null;
      }
    },
  };
}
