import { expect, it } from 'vitest';
import { formatTable } from '../../src/cli/table.js';

it('aligns text to the left, numbers to the right, without trailing blanks', () => {
  const rows = [
    ['base', '1,000', '-0.5', '100 %'],
    ['a longer name', '20', '4.0e-5', '7 %'],
  ];
  expect(formatTable(['model', 'MACs', 'x', 'done'], rows)).toBe(
    [
      'model           MACs       x   done',
      'base           1,000    -0.5  100 %',
      'a longer name     20  4.0e-5    7 %',
    ].join('\n'),
  );
});

it('aligns a column with one word in it as text', () => {
  expect(
    formatTable(
      ['a', 'device'],
      [
        ['1', 'cpu'],
        ['22', ''],
      ],
    ),
  ).toBe(' a  device\n 1  cpu\n22');
});
