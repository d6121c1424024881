import { describe, expect, it } from 'vitest';
import { escapeLatex, tableLatex } from '../../src/report/latex.js';

describe('LaTeX tables', () => {
  it('print every sign that means something to LaTeX', () => {
    expect(escapeLatex('50 % & a_b #1 {x} $ ~ ^ \\')).toBe(
      '50 \\% \\& a\\_b \\#1 \\{x\\} \\$ \\textasciitilde{} \\textasciicircum{} \\textbackslash{}',
    );
    expect(escapeLatex('KID × 10³ ± 1 µs')).toBe('KID $\\times$ 10$^3$ $\\pm$ 1 $\\mu$s');
  });

  it('align numbers to the right and leave missing values as a dash', () => {
    const table = {
      columns: [
        { label: 'model', name: 'model' },
        { label: 'FID', name: 'fid', format: (value: number) => value.toFixed(2) },
      ],
      rows: [
        ['A_1', 3.14159],
        ['B', null],
      ],
    };
    expect(tableLatex(table, 'Quality', 'quality')).toBe(`% Needs \\usepackage{booktabs}
\\begin{table}
  \\centering
  \\caption{Quality}
  \\label{tab:quality}
  \\begin{tabular}{lr}
    \\toprule
    model & FID \\\\
    \\midrule
    A\\_1 & 3.14 \\\\
    B & -- \\\\
    \\bottomrule
  \\end{tabular}
\\end{table}
`);
  });
});
