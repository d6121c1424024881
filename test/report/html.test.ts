import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { reportFigures } from '../../src/report/figures.js';
import { reportPage } from '../../src/report/html.js';
import { buildReport, type ReportContent } from '../../src/report/reportModel.js';
import { exampleContent } from './exampleReport.js';

const HOSTILE = `</title><script>alert(1)</script><img src=x onerror='alert("2")'>&`;

function pageOf(changes: Partial<ReportContent> = {}): string {
  const model = buildReport(exampleContent(changes));
  return reportPage(model, reportFigures(model));
}

describe('report page', () => {
  it('fetches nothing and runs nothing', () => {
    const page = pageOf();
    expect(page).toContain("default-src 'none'".replaceAll("'", '&#39;'));
    expect(page).not.toMatch(/<(script|iframe|object|embed|link|base|form)\b/i);
    expect(page).not.toMatch(/\bon[a-z]+\s*=/i);
    const addresses = [...page.matchAll(/(?:src|href|action)\s*=\s*["']?([^"'\s>]+)|url\(([^)]+)\)/gi)].map(
      ([, attribute, style]) => attribute ?? style!,
    );
    expect(addresses.length).toBeGreaterThan(0);
    for (const address of addresses) expect(address).toMatch(/^(data:image\/png;base64,|#)/);
    // namespaces of SVG are names, not addresses
    expect(page.replaceAll(/xmlns(:\w+)?="[^"]*"/g, '')).not.toMatch(/https?:\/\//);
  });

  it('allows its own style sheet by its hash, and needs no other style', () => {
    const page = pageOf();
    const sheets = [...page.matchAll(/<style[^>]*>(.*?)<\/style>/gs)];
    expect(sheets).toHaveLength(1);
    const hash = createHash('sha256').update(sheets[0][1]).digest('base64');
    const policy = /Content-Security-Policy" content="([^"]*)"/.exec(page)![1].replaceAll('&#39;', "'");
    expect(policy).toContain(`style-src 'sha256-${hash}'`);
    expect(policy).not.toContain('unsafe');
    expect(page).not.toMatch(/<[^>]*\sstyle\s*=/i);
    // What the charts' texts had as a style they have as attributes.
    expect(page).toMatch(/<text[^>]* font-size="\d+px"/);
  });

  it('escapes whatever the project, its models and its stages are called', () => {
    const content = exampleContent();
    const page = pageOf({
      project: HOSTILE,
      metric: HOSTILE,
      command: HOSTILE,
      rows: content.rows.map((row) => ({ ...row, label: HOSTILE })),
      samples: content.samples.map((sample) => ({ ...sample, label: HOSTILE })),
      curves: content.curves.map((curve) => ({ ...curve, stage: HOSTILE })),
      ledger: content.ledger.map((entry) => ({ ...entry, stage: HOSTILE })),
      summary: [{ name: HOSTILE, value: HOSTILE }],
      environment: [{ name: HOSTILE, value: HOSTILE }],
      groups: content.groups.map((group) => ({ ...group, widths: [{ id: HOSTILE, base: 8, kept: 4 }] })),
      protocol: { ...content.protocol, software: HOSTILE, resize: HOSTILE },
    });
    expect(page).not.toMatch(/<script/i);
    expect(page).not.toMatch(/<img src=x/i);
    expect(page).not.toMatch(/="[^"<>]*onerror='/i);
    expect(page.match(/<\/title>/g)).toHaveLength(1);
    expect(page).toContain('&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt;');
  });

  it('puts the comparison first and gives every figure a name, a caption and a table twin', () => {
    const page = pageOf();
    const headings = [...page.matchAll(/<h2>([^<]+)<\/h2>/g)].map(([, text]) => text);
    expect(headings[0]).toBe('Comparison');
    expect(page.match(/<svg role="img" aria-label="[^"]+"/g)).toHaveLength(7);
    expect(page.match(/<summary>The same data as a table/g)).toHaveLength(7);
    expect(page).toContain('below the base in 15 of 20 equal parts');
    expect(page).toContain('Figure 7. Training.');
    expect(page).toContain('25.63');
  });

  it('begins with the outcome, and says it once', () => {
    const page = pageOf();
    const outcome = 'The adaptive model is worse than the base here';
    expect(page.split(outcome)).toHaveLength(2);
    expect(page.indexOf(outcome)).toBeLessThan(page.indexOf('<table'));
  });

  it('carries the headline as LaTeX and the experiment that makes it again', () => {
    const page = pageOf();
    expect(page).toMatch(/<pre[^>]*><code>% Needs \\usepackage\{booktabs\}.*25\.63.*\\end\{table\}/s);
    expect(page).toContain('&quot;format&quot;: &quot;stepadapt-project&quot;');
    expect(page).toContain('--from experiment.stepadapt');
  });

  it('calls the distances FID and KID on the features of FID alone', () => {
    expect(pageOf()).not.toContain('KID');
    expect(pageOf()).toContain('It is not an FID');
    const { protocol } = exampleContent();
    const page = pageOf({ metric: 'FID', protocol: { ...protocol, metric: 'FID' } });
    expect(page).toContain('KID × 10³');
    expect(page).not.toContain('It is not an FID');
  });

  it('has unique ids, so that figures cannot borrow each other’s clips', () => {
    const ids = [...pageOf().matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('leaves out what was not measured', () => {
    const content = exampleContent();
    const page = pageOf({
      curves: [],
      samples: [],
      groups: content.groups.map((group) => ({ ...group, loss: null, widths: [] })),
      rows: content.rows.slice(0, 1).map((row) => ({ ...row, secondsPerImage: null })),
    });
    expect(page).not.toContain('<h2>Samples</h2>');
    expect(page).not.toContain('<h2>Widths of the experts</h2>');
    expect(page).not.toContain('Held-out loss per group');
    expect(page).not.toMatch(/\b(NaN|undefined|null|Infinity)\b/);
  });
});

describe('figures', () => {
  it('are a function of the model, however many were drawn before', () => {
    const drawing = () => reportFigures(buildReport(exampleContent())).map(({ svg }) => svg);
    expect(drawing()).toEqual(drawing());
  });

  it('state their numbers in words', () => {
    const figures = reportFigures(buildReport(exampleContent()));
    const summary = (id: string) => figures.find((figure) => figure.id === id)!.summary.replaceAll('\u202f', ' ');
    expect(summary('snr')).toContain('from 40.0 dB at timestep 0 to −43.9 dB at timestep 999');
    expect(summary('snr')).toContain('0 to 152, 153 to 393');
    expect(summary('quality')).toContain('Step-adaptive experts 26.10 at 80.0 %');
    expect(summary('group-losses')).toContain('below the base in 5 of 5 groups');
  });

  it('draw no point that is not a number', () => {
    for (const { svg } of reportFigures(buildReport(exampleContent())))
      expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  });
});

describe('buildReport', () => {
  it('refuses samples that are not base64 and fields it does not know', () => {
    const content = exampleContent();
    const hostile = [{ model: 'base' as const, label: 'Base', png: '"><script>' }];
    expect(() => buildReport({ ...content, samples: hostile })).toThrow();
    expect(() => buildReport({ ...content, extra: 1 } as ReportContent)).toThrow();
    expect(() => buildReport({ ...content, rows: [] })).toThrow();
  });
});
