import { cellText, type Table } from './table.js';

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\textbackslash{}',
  '&': '\\&',
  '%': '\\%',
  $: '\\$',
  '#': '\\#',
  _: '\\_',
  '{': '\\{',
  '}': '\\}',
  '~': '\\textasciitilde{}',
  '^': '\\textasciicircum{}',
  '±': '$\\pm$',
  '×': '$\\times$',
  '³': '$^3$',
  µ: '$\\mu$',
  '–': '--',
  '\u202f': '\\,',
  '\u2212': '$-$',
};

/** Text as LaTeX prints it. */
export function escapeLatex(text: string): string {
  return text.replace(/[\\&%$#_{}~^±×³µ–\u202f\u2212]/g, (character) => ESCAPES[character]);
}

/** A table as a LaTeX float with the rules of the booktabs package: texts to the left, numbers to the right. */
export function tableLatex(table: Table, caption: string, label: string): string {
  const alignment = table.columns.map(({ format }) => (format === undefined ? 'l' : 'r')).join('');
  const line = (cells: readonly string[]) => `    ${cells.map(escapeLatex).join(' & ')} \\\\`;
  return [
    '% Needs \\usepackage{booktabs}',
    '\\begin{table}',
    '  \\centering',
    `  \\caption{${escapeLatex(caption)}}`,
    `  \\label{tab:${label}}`,
    `  \\begin{tabular}{${alignment}}`,
    '    \\toprule',
    line(table.columns.map((column) => column.label)),
    '    \\midrule',
    ...table.rows.map((row) => line(row.map((cell, index) => cellText(cell, table.columns[index])))),
    '    \\bottomrule',
    '  \\end{tabular}',
    '\\end{table}',
    '',
  ].join('\n');
}
