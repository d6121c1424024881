import { computed, shallowRef } from 'vue';
import { defineStore } from 'pinia';
import type { AppEvent, CommandParams } from '../../src/contract/api.js';
import type { DrawnSample, RunSnapshot } from '../../src/contract/runViews.js';
import { advance, feedFromSnapshot, overallProgress, runningStage, type RunFeed } from '../lib/runFeed.js';
import { ask, useTransport } from '../transport/useTransport.js';
import { useNoticesStore } from './notices.js';

type RunCommand = 'runs.start' | 'runs.pause' | 'runs.stop';

/** While somebody looks at a run at work, what events do not carry is asked for this often: times, loss by timestep. */
const REFRESH_MS = 10_000;
const LONGEST_REFRESH_MS = 300_000;
/** The share of the time that may go into answers to it: a long run's take longer, and the training needs the cores. */
const REFRESH_SHARE = 0.005;
const MOST_KEPT = 2000;

/** The run of the open project, followed live: a snapshot, then events, at most one change a frame. */
export const useRunStore = defineStore('run', () => {
  const transport = useTransport();
  const notices = useNoticesStore();
  const feed = shallowRef<RunFeed | null>(null);
  const waiting: AppEvent[] = [];
  /** What arrives while a snapshot is on its way: newer than it, or already in it, which `advance` tells apart. */
  let meanwhile: AppEvent[] = [];
  let frame = 0;
  let wanted: string | null = null;
  let refreshTimer: ReturnType<typeof setTimeout> | undefined;
  /** The place that shows the run is open; the others need nothing that only snapshots tell. */
  let isShown = false;
  /** What only snapshots tell has changed since the last one. */
  let isBehind = false;
  /** How long the last snapshot took to arrive, ms. */
  let snapshotMs = 0;

  const job = computed(() => feed.value?.job ?? null);
  const stages = computed(() => feed.value?.stages ?? []);
  const stageAtWork = computed(() => runningStage(stages.value));
  const progress = computed(() => overallProgress(stages.value));

  /** Follows a project from its snapshot on. */
  async function follow(projectId: string): Promise<void> {
    wanted = projectId;
    if (feed.value?.projectId !== projectId) feed.value = null;
    meanwhile = [];
    isBehind = false;
    const asked = performance.now();
    const snapshot = await ask(transport, 'runs.snapshot', { id: projectId });
    snapshotMs = performance.now() - asked;
    if (wanted !== projectId) return;
    const speed = feed.value?.speed ?? null;
    feed.value = advance({ ...feedFromSnapshot(projectId, snapshot), speed }, meanwhile);
    // A run on the command line sends no events here: its files are looked at again while somebody watches.
    isBehind ||= runsElsewhere(snapshot);
    refreshSoon();
  }

  /** Takes events of the stream; they are applied together in the next frame. */
  function receive(events: readonly AppEvent[]): void {
    waiting.push(...events);
    meanwhile = [...meanwhile, ...events].slice(-MOST_KEPT);
    if (frame !== 0) return;
    frame = requestFrame(() => {
      frame = 0;
      const batch = waiting.splice(0);
      if (feed.value === null) return;
      const before = feed.value;
      feed.value = advance(before, batch);
      isBehind ||= batch.some((event) => changesSnapshot(event, before.projectId));
      refreshSoon();
    });
  }

  function refreshSoon(): void {
    if (!isBehind || !isShown) return;
    const wait = Math.min(LONGEST_REFRESH_MS, Math.max(REFRESH_MS, snapshotMs / REFRESH_SHARE));
    refreshTimer ??= setTimeout(() => {
      refreshTimer = undefined;
      if (document.hidden) refreshSoon();
      else if (isBehind && isShown) void refresh();
    }, wait);
  }

  /** Tells whether the place that shows the run is open: only then is more asked for than the stream brings. */
  function setShown(shown: boolean): void {
    isShown = shown;
    if (shown && isBehind) void refresh();
  }

  /** Asks for the snapshot again: after a gap in the stream, and for what events do not carry. */
  async function refresh(): Promise<void> {
    if (wanted === null) return;
    try {
      await follow(wanted);
    } catch (error) {
      notices.report(error);
    }
  }

  async function command(name: RunCommand): Promise<void> {
    if (wanted === null) return;
    try {
      const next = await ask(transport, name, { id: wanted });
      if (feed.value?.projectId === next.projectId) feed.value = { ...feed.value, job: next };
    } catch (error) {
      notices.report(error);
    }
  }

  /** Draws a grid of samples. @throws CommandError */
  async function draw(wish: Omit<CommandParams<'samples.draw'>, 'id'>): Promise<DrawnSample> {
    const id = wanted;
    if (id === null) throw new Error('no project is followed');
    const sample = await ask(transport, 'samples.draw', { id, ...wish });
    if (feed.value?.projectId === id) {
      const others = feed.value.drawn.filter(({ image }) => image !== sample.image);
      feed.value = { ...feed.value, drawn: [...others, sample] };
    }
    return sample;
  }

  return { feed, job, stages, stageAtWork, progress, follow, receive, refresh, setShown, command, draw };
});

/** A hidden window gets no frames, but must not pile up events. */
function requestFrame(callback: () => void): number {
  return document.hidden ? Number(setTimeout(callback, 250)) : requestAnimationFrame(callback);
}

/** Whether a stage is at work that no job of this host computes. */
function runsElsewhere({ job, stages }: RunSnapshot): boolean {
  return runningStage(stages) !== null && (job === null || !job.can.stop);
}

function changesSnapshot(event: AppEvent, projectId: string): boolean {
  if (event.type === 'job') return event.projectId === projectId;
  return event.type === 'pipeline' && event.projectId === projectId && event.event.type === 'metric';
}
