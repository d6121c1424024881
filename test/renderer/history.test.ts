import fc from 'fast-check';
import { expect, test } from 'vitest';
import { record, redo, seal, startHistory, undo, type History } from '../../renderer/lib/history.js';

test('undo walks back through every edit and redo forward again', () => {
  fc.assert(
    fc.property(fc.array(fc.integer(), { maxLength: 50 }), (edits) => {
      let history: History<number> = startHistory(-1);
      for (const edit of edits) history = record(history, edit);
      const states = [-1, ...edits];
      for (const expected of [...states].reverse().slice(1)) {
        history = undo(history);
        expect(history.present).toBe(expected);
      }
      expect(undo(history)).toBe(history);
      for (const expected of states.slice(1)) {
        history = redo(history);
        expect(history.present).toBe(expected);
      }
      expect(redo(history)).toBe(history);
    }),
  );
});

test('edits with one key are one step until the step is sealed', () => {
  let history: History<number> = record(record(startHistory(0), 1, 'drag'), 2, 'drag');
  expect(undo(history).present).toBe(0);
  history = record(seal(history), 3, 'drag');
  expect(undo(history).present).toBe(2);
});

test('a new edit forgets what was undone', () => {
  const history = record(undo(record(startHistory('a'), 'b')), 'c');
  expect(history.future).toEqual([]);
  expect(undo(history).present).toBe('a');
});
