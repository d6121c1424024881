import { nativeTheme, type BrowserWindow } from 'electron';
import type { Application } from '../src/app/application.js';
import type { StreamMessage } from '../src/contract/api.js';
import type { JobView } from '../src/contract/jobs.js';
import type { Settings } from '../src/contract/settings.js';
import { createJobSignals } from './jobSignals.js';
import type { Logger } from './logs.js';
import { notify } from './notifications.js';
import { createPowerHold } from './power.js';
import { showProgress } from './progress.js';

const PROGRESS_EVERY_MS = 5000;

export interface JobPresenceOptions {
  readonly application: Application;
  readonly settings: Settings;
  readonly currentWindow: () => BrowserWindow | null;
  readonly showWindow: () => void;
  /** Something that the menu shows has changed. */
  readonly onMenuChange: () => void;
  /** No job is at work, and none will be by itself. */
  readonly onIdle: () => void;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** What the desktop makes of running jobs: no sleep, progress in the dock, a word at the end. */
export interface JobPresence {
  readonly jobAtWork: () => JobView | null;
  readonly setSettings: (settings: Settings) => void;
  /** Lets go of the power hold and the dock. */
  readonly end: () => void;
}

export function createJobPresence(options: JobPresenceOptions): JobPresence {
  const { application, currentWindow, log, now = () => performance.now() } = options;
  const power = createPowerHold();
  let settings = options.settings;
  let progressAt = -Infinity;

  const signals = createJobSignals({
    onNotice(notice) {
      if (settings.notifications) notify(notice, currentWindow()?.isFocused() ?? false, options.showWindow);
    },
    onChange(atWork, last) {
      adjustPower();
      if (atWork === null) showProgress(currentWindow(), { state: restingState(last) });
      else showOverallProgress(atWork.projectId).catch(report);
      options.onMenuChange();
      if (atWork === null) tellIfIdle().catch(report);
    },
  });
  const adjustPower = () => power.setBusy(settings.keepAwake && signals.jobAtWork() !== null);
  const report = (error: unknown) => log.warn({ error }, 'progress could not be shown');

  const unsubscribe = application.subscribe(follow);
  application
    .call('queue.list', {})
    .then((queue) => {
      if (!queue.ok) return;
      for (const job of queue.value.jobs) signals.follow({ seq: 0, type: 'job', projectId: job.projectId, job });
    })
    .catch(report);
  nativeTheme.themeSource = settings.theme;

  function follow(message: StreamMessage): void {
    if (message.type !== 'events') return;
    for (const event of message.events) {
      signals.follow(event);
      if (event.type === 'projects') options.onMenuChange();
    }
    const atWork = signals.jobAtWork();
    const hasProgress = message.events.some((event) => event.type === 'pipeline' && event.event.type === 'progress');
    if (atWork === null || !hasProgress || now() - progressAt < PROGRESS_EVERY_MS) return;
    progressAt = now();
    showOverallProgress(atWork.projectId).catch(report);
  }

  /** Fraction of all stages, as the list of projects shows it. */
  async function showOverallProgress(projectId: string): Promise<void> {
    const recent = await application.call('projects.recent', {});
    if (!recent.ok || signals.jobAtWork()?.projectId !== projectId) return;
    const fraction = recent.value.find(({ id }) => id === projectId)?.progress ?? null;
    showProgress(currentWindow(), { state: 'running', fraction });
  }

  /** Between two jobs of the queue none is at work either. */
  async function tellIfIdle(): Promise<void> {
    const queue = await application.call('queue.list', {});
    if (!queue.ok || application.isBusy()) return;
    if (queue.value.paused || queue.value.jobs.every(({ state }) => state === 'paused')) options.onIdle();
  }

  return {
    jobAtWork: signals.jobAtWork,
    setSettings(changed) {
      settings = changed;
      nativeTheme.themeSource = settings.theme;
      adjustPower();
    },
    end() {
      unsubscribe();
      power.setBusy(false);
      showProgress(currentWindow(), { state: 'idle' });
    },
  };
}

function restingState(job: JobView): 'paused' | 'failed' | 'idle' {
  return job.state === 'paused' ? 'paused' : job.state === 'failed' ? 'failed' : 'idle';
}
