import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Application } from '../../src/app/application.js';
import type { AppEvent, StreamMessage } from '../../src/contract/api.js';
import type { JobState, JobView } from '../../src/contract/jobs.js';
import { settingsSchema, type Settings } from '../../src/contract/settings.js';
import { pauseOnBattery } from '../../electron/battery.js';
import { createJobPresence } from '../../electron/jobPresence.js';
import {
  BrowserWindow,
  nativeTheme,
  Notification,
  powerMonitor,
  powerSaveBlocker,
  resetElectron,
} from './electronMock.js';
import { eventually } from './eventually.js';
import { memoryLog } from './memoryLog.js';

vi.mock('electron', () => import('./electronMock.js'));

const id = '0123456789abcdef';
const settings: Settings = settingsSchema.parse({});

function job(state: JobState, more: Partial<JobView> = {}): JobView {
  return {
    id: 'job-0001',
    projectId: id,
    projectName: 'first',
    state,
    until: null,
    queuedAt: '2026-01-01T00:00:00.000Z',
    startAfter: null,
    startedAt: null,
    endedAt: null,
    restarts: 0,
    error: null,
    rssBytes: null,
    configChanged: false,
    can: { start: false, pause: true, stop: true },
    ...more,
  };
}

function presence(changed: Partial<Settings> = {}, waiting: JobView[] = []) {
  let listener: (message: StreamMessage) => void = () => undefined;
  let isBusy = false;
  const application = {
    subscribe(given: typeof listener) {
      listener = given;
      return () => (listener = () => undefined);
    },
    call: async (name: string) =>
      name === 'queue.list'
        ? { ok: true, value: { paused: false, jobs: waiting, interrupted: [] } }
        : { ok: true, value: [{ id, progress: 0.25 }] },
    isBusy: () => isBusy,
  } as unknown as Application;
  const window = new BrowserWindow({ x: 0, y: 0, width: 1, height: 1 });
  const onIdle = vi.fn();
  const showWindow = vi.fn();
  const made = createJobPresence({
    application,
    settings: { ...settings, ...changed },
    currentWindow: () => window as never,
    showWindow,
    onMenuChange: () => undefined,
    onIdle,
    log: memoryLog().log,
  });
  const tell = (view: JobView) => {
    isBusy = view.state === 'running';
    const event: AppEvent = { seq: 1, type: 'job', projectId: id, job: view };
    listener({ type: 'events', events: [event] });
  };
  return { made, window, tell, onIdle, showWindow, wait: (jobs: JobView[]) => void (waiting = jobs) };
}

const held = () => [...powerSaveBlocker.active.values()];

beforeEach(resetElectron);

describe('while a job works', () => {
  it('the computer stays awake, by one hold, however many states it passes', () => {
    const { tell } = presence();
    expect(held()).toEqual([]);
    for (const state of ['queued', 'starting', 'running', 'running', 'pausing'] as const) tell(job(state));
    expect(held()).toEqual(['prevent-app-suspension']);
    expect(powerSaveBlocker.started).toBe(1);
  });

  it.each(['finished', 'failed', 'interrupted', 'paused'] as const)('the hold ends when it is %s', (state) => {
    const { tell } = presence();
    tell(job('running'));
    tell(job(state));
    expect(held()).toEqual([]);
  });

  it('the hold ends with the application, whatever the job does', () => {
    const { tell, made } = presence();
    tell(job('running'));
    made.end();
    expect(held()).toEqual([]);
  });

  it('settings decide, also in the middle of a job', () => {
    const { tell, made } = presence({ keepAwake: false });
    tell(job('running'));
    expect(held()).toEqual([]);
    made.setSettings(settings);
    expect(held()).toHaveLength(1);
    made.setSettings({ ...settings, keepAwake: false, theme: 'dark' });
    expect(held()).toEqual([]);
    expect(nativeTheme.themeSource).toBe('dark');
  });

  it('a job that was at work before the window came is found', async () => {
    const { made } = presence({}, [job('running')]);
    await eventually(() => expect(made.jobAtWork()?.id).toBe('job-0001'));
    expect(held()).toHaveLength(1);
  });

  it('the dock shows the part that is done, then how it ended', async () => {
    const { tell, window } = presence();
    tell(job('running'));
    await eventually(() => expect(window.progress).toEqual([{ value: 0.25, mode: 'normal' }]));
    tell(job('failed'));
    expect(window.progress.at(-1)).toEqual({ value: 1, mode: 'error' });
    tell(job('running'));
    tell(job('finished'));
    expect(window.progress.at(-1)).toEqual({ value: -1, mode: undefined });
  });
});

describe('at the end of a job', () => {
  const error = { code: 'DISK_FULL', message: 'the disk is full', hint: 'free some space' };

  it('the user is told, and a click brings the window', () => {
    const { tell, showWindow } = presence();
    tell(job('running'));
    tell(job('failed', { error }));
    expect(Notification.shown.map(({ options }) => options)).toEqual([
      { title: 'first failed', body: 'the disk is full; free some space' },
    ]);
    Notification.shown[0]!.emit('click');
    expect(showWindow).toHaveBeenCalledOnce();
  });

  it.each([
    ['the window is looked at', {}, true, job('finished')],
    ['notifications are off', { notifications: false }, false, job('finished')],
    ['the user paused it', {}, false, job('paused')],
    ['the user stopped it', {}, false, job('interrupted')],
  ])('nothing is said when %s', (_when, changed, focused, end) => {
    const { tell, window } = presence(changed);
    window.focused = focused;
    tell(job('running'));
    tell(end);
    expect(Notification.shown).toEqual([]);
  });

  it('nothing is said about jobs that ended before', () => {
    const { tell } = presence();
    tell(job('finished'));
    expect(Notification.shown).toEqual([]);
  });

  it('the app is idle when nothing waits, not between two jobs', async () => {
    const first = presence();
    first.wait([job('queued', { id: 'job-0002' })]);
    first.tell(job('running'));
    first.tell(job('finished'));
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(first.onIdle).not.toHaveBeenCalled();
    first.wait([]);
    first.tell(job('running', { id: 'job-0002' }));
    first.tell(job('finished', { id: 'job-0002' }));
    await eventually(() => expect(first.onIdle).toHaveBeenCalledOnce());
  });
});

describe('on battery power', () => {
  const setUp = (isWanted: boolean) => {
    const goOn = vi.fn(async () => undefined);
    const pause = vi.fn(async () => goOn);
    pauseOnBattery({ isWanted: async () => isWanted, pause, onError: (error) => expect.fail(String(error)) });
    return { pause, goOn };
  };

  it('work pauses and goes on with the power supply', async () => {
    const { pause, goOn } = setUp(true);
    powerMonitor.emit('on-battery');
    await eventually(() => expect(pause).toHaveBeenCalledOnce());
    await Promise.resolve();
    powerMonitor.emit('on-ac');
    powerMonitor.emit('on-ac');
    await eventually(() => expect(goOn).toHaveBeenCalledOnce());
  });

  it('work goes on where that is not wanted', async () => {
    const { pause } = setUp(false);
    powerMonitor.emit('on-battery');
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(pause).not.toHaveBeenCalled();
  });
});
