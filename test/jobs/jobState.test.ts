import fc from 'fast-check';
import { expect, it } from 'vitest';
import { jobStateSchema, type JobState } from '../../src/contract/jobs.js';
import { isAtWork, isOver, nextJobState, type JobEvent } from '../../src/jobs/jobState.js';

const EVENTS: readonly JobEvent[] = [
  'spawn',
  'ready',
  'pause',
  'resume',
  'stop',
  'finish',
  'fail',
  'ended',
  'lost',
  'restart',
];
const STATES = jobStateSchema.options;
const event = fc.constantFrom(...EVENTS);

const after = (events: readonly JobEvent[], start: JobState = 'queued') => events.reduce(nextJobState, start);

it.each<[string, JobEvent[], JobState]>([
  ['runs to its end', ['spawn', 'ready', 'finish'], 'finished'],
  ['gets another process for a lost one', ['spawn', 'ready', 'restart', 'ready', 'restart'], 'starting'],
  ['is not started again while it stops', ['spawn', 'ready', 'stop', 'restart', 'lost'], 'interrupted'],
  ['fails', ['spawn', 'ready', 'fail'], 'failed'],
  ['is paused and goes on', ['spawn', 'ready', 'pause', 'ended', 'resume', 'spawn', 'ready'], 'running'],
  ['is stopped while it pauses', ['spawn', 'ready', 'pause', 'stop', 'ended'], 'interrupted'],
  ['is stopped while it waits', ['stop'], 'interrupted'],
  ['crashes while pausing', ['spawn', 'ready', 'pause', 'lost'], 'interrupted'],
  ['finishes before the request to stop arrives', ['spawn', 'ready', 'stop', 'finish'], 'finished'],
])('a job %s', (_, events, end) => expect(after(events)).toBe(end));

it('whatever happens, a job that is over stays as it is', () => {
  fc.assert(
    fc.property(fc.constantFrom(...STATES.filter(isOver)), fc.array(event), (state, events) => {
      expect(after(events, state)).toBe(state);
    }),
  );
});

it('has a process only between spawn and its end, and is never both over and at work', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 30 }), (events) => {
      let state: JobState = 'queued';
      let hasProcess = false;
      for (const happened of events) {
        const next = nextJobState(state, happened);
        if (next !== state) {
          if (happened === 'spawn') hasProcess = true;
          if (['finish', 'fail', 'ended', 'lost'].includes(happened)) hasProcess = false;
        }
        state = next;
        expect(isAtWork(state)).toBe(hasProcess);
        expect(isAtWork(state) && isOver(state)).toBe(false);
      }
    }),
  );
});

it('a second request to pause or to stop changes nothing', () => {
  fc.assert(
    fc.property(fc.constantFrom(...STATES), fc.constantFrom<JobEvent>('pause', 'stop'), (state, request) => {
      const once = nextJobState(state, request);
      expect(nextJobState(once, request)).toBe(once);
    }),
  );
});
