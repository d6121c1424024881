import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { configSchema } from '../../src/contract/config.js';
import { addBorder, parseBorders, removeBorder } from '../../renderer/lib/borders.js';
import { configFields, parseInput } from '../../renderer/lib/configFields.js';
import { getPath, leafPaths, setPath } from '../../renderer/lib/configPath.js';
import { toCsv } from '../../renderer/lib/csv.js';
import { duration, si } from '../../renderer/lib/format.js';

const defaults = configSchema.parse({});
const fields = configFields(z.toJSONSchema(configSchema, { io: 'input' }));
const field = (path: string) => {
  const found = fields.find((candidate) => candidate.path === path);
  if (found === undefined) throw new Error(`no field ${path}`);
  return found;
};

describe('fields of the experiment', () => {
  test('the form has every field of a complete experiment', () => {
    const known = new Set(fields.map(({ path }) => path));
    expect(leafPaths(defaults).filter((path) => !known.has(path))).toEqual([]);
  });

  test('every field has a doc line and the default that the schema fills in', () => {
    expect(fields.filter(({ doc }) => doc === '')).toEqual([]);
    for (const { path, fallback } of fields) {
      if (fallback !== undefined) expect([path, getPath(defaults, path)]).toEqual([path, fallback]);
    }
  });

  test('kinds follow the types', () => {
    expect(field('data.flip').kind).toBe('boolean');
    expect(field('data.channels')).toMatchObject({ kind: 'choice', choices: [1, 3] });
    expect(field('grouping.bounds')).toMatchObject({ kind: 'list', nullable: true });
    expect(field('base.learningRate')).toMatchObject({ kind: 'number', integer: false });
  });

  test('what is typed becomes a value of the type, or a sentence', () => {
    expect(parseInput(field('base.steps'), ' 12 ')).toEqual({ ok: true, value: 12 });
    expect(parseInput(field('base.steps'), '1.5').ok).toBe(false);
    expect(parseInput(field('base.steps'), '').ok).toBe(false);
    expect(parseInput(field('budget.k'), '')).toEqual({ ok: true, value: null });
    expect(parseInput(field('model.multipliers'), '1, 2 4')).toEqual({ ok: true, value: [1, 2, 4] });
  });
});

test('a path is set in a copy, and only on its way', () => {
  const root = { a: { b: 1 }, c: { d: 2 } };
  const next = setPath(root, 'a.b', 5);
  expect(next).toEqual({ a: { b: 5 }, c: { d: 2 } });
  expect(next.c).toBe(root.c);
  expect(root.a.b).toBe(1);
});

describe('borders', () => {
  test('typed ones are sorted and closed by 0 and T', () => {
    expect(parseBorders('300, 100 300', 1000)).toEqual([0, 100, 300, 1000]);
    expect(parseBorders('', 1000)).toEqual([0, 1000]);
  });

  test.each(['0', '1000', '-3', '1.5', 'x'])('%s is none', (text) => {
    expect(parseBorders(text, 1000)).toBeTypeOf('string');
  });

  test('one is added in the widest group and one taken out', () => {
    expect(addBorder([0, 100, 1000])).toEqual([0, 100, 550, 1000]);
    expect(addBorder([0, 1, 2])).toEqual([0, 1, 2]);
    expect(removeBorder([0, 100, 550, 1000], 1)).toEqual([0, 550, 1000]);
  });
});

test('CSV quotes what must be quoted and keeps formulas from running', () => {
  const columns = [
    { key: 'a', title: 'A' },
    { key: 'b', title: 'B, or not' },
  ];
  const rows = [
    { a: '=1+1', b: -2 },
    { a: 'say "x"', b: null },
  ];
  expect(toCsv({ columns, rows })).toBe('A,"B, or not"\r\n\'=1+1,-2\r\n"say ""x""",\r\n');
});

test('numbers read as people write them', () => {
  expect([si(0), si(999), si(35_700_000), si(6.1e9)]).toEqual(['0', '999', '35.7 M', '6.1 G']);
  expect([duration(0.2), duration(59), duration(200), duration(7500), duration(100_000)]).toEqual([
    'under a second',
    '59 s',
    '3 min 20 s',
    '2 h 05 min',
    '1 d 3 h',
  ]);
});
