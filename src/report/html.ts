import { createHash } from 'node:crypto';
import { kernelLabel } from '../evaluation/protocol.js';
import { followTheme, type Figure } from './chart.js';
import { formatCount, formatPercent } from './format.js';
import { widthsTable } from './groupFigures.js';
import { tableLatex } from './latex.js';
import { ledgerTable } from './ledgerTable.js';
import { html, Markup, tableMarkup } from './markup.js';
import { comparisonTable } from './qualityFigure.js';
import { furtherTable } from './metricsTables.js';
import type { ReportModel } from './reportModel.js';
import { STYLE } from './style.js';

/**
 * Nothing is fetched, no script runs and no style but the page's own counts: the file can be mailed, archived and opened
 * anywhere.
 */
const CONTENT_POLICY = `default-src 'none'; img-src data:; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'`;
/** In one piece: the policy names the hash of every character between the tags. */
const STYLE_ELEMENT = new Markup(`<style>${STYLE}</style>`);

type Entry = readonly [name: string, value: string];

/** The report as one self-contained page. */
export function reportPage(model: ReportModel, figures: readonly Figure[]): string {
  const [headline, ...notes] = model.notes;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${CONTENT_POLICY}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="referrer" content="no-referrer" />
        <title>${model.project} – step-adaptive training report</title>
        ${STYLE_ELEMENT}
      </head>
      <body>
        <main>
          <header>
            <h1>${model.project}</h1>
            <p>Step-adaptive training report, ${model.created.replace('T', ' ').replace(/(\.\d+)?Z$/, ' UTC')}</p>
          </header>
          <section class="headline">
            ${headline === undefined ? '' : html`<p class="lead">${headline}</p>`}
            <h2>Comparison</h2>
            ${tableMarkup(comparisonTable(model), comparisonCaption(model))} ${furtherSection(model)}
            <details>
              <summary>The comparison as a LaTeX table</summary>
              <pre tabindex="0" class="copy"><code>${comparisonLatex(model)}</code></pre>
            </details>
            <ul>
              ${notes.map((note) => html`<li>${note}</li>`)}
            </ul>
          </section>
          ${sampleSection(model)}
          <section>
            <h2>Figures</h2>
            ${figures.map(figureMarkup)}
          </section>
          ${widthsSection(model)}
          <section>
            <h2>What it cost</h2>
            ${tableMarkup(ledgerTable(model), 'Multiply-accumulates (MACs) and time of every part of the run.')}
          </section>
          <section>
            <h2>Configuration</h2>
            ${definitions(model.summary.map(({ name, value }) => [name, value]))} ${experimentMarkup(model)}
          </section>
          <section>
            <h2>Protocol</h2>
            <p>A value compares with another only where all of this agrees.</p>
            ${definitions(protocolEntries(model.protocol))}
          </section>
          <section>
            <h2>Reproduction</h2>
            <pre><code>${model.command}</code></pre>
            ${definitions(model.environment.map(({ name, value }) => [name, value]))}
          </section>
        </main>
      </body>
    </html>`;
  return `${page.text}\n`;
}

/** The headline table for a paper. */
export function comparisonLatex(model: ReportModel): string {
  const { samples, seeds } = model.protocol;
  const caption =
    `${model.project}: ${model.metric} against compute, ${formatCount(samples)} images per model and seed, ` +
    `${seeds.length === 1 ? 'one seed' : `${seeds.length} seeds`}.`;
  return tableLatex(comparisonTable(model), caption, 'comparison');
}

function furtherSection(model: ReportModel): Markup | string {
  const table = furtherTable(model);
  if (table.rows.length === 0) return '';
  return tableMarkup(table, 'Further metrics; SSIM and pixel errors compare images from the same noises.');
}

function experimentMarkup({ experiment }: ReportModel): Markup | string {
  if (experiment === null) return '';
  return html`<details>
    <summary>The whole experiment, as the file experiment.stepadapt beside this page</summary>
    <pre tabindex="0" class="copy"><code>${JSON.stringify(experiment, null, 2)}</code></pre>
  </details>`;
}

function comparisonCaption({ metric, protocol }: ReportModel): string {
  const { samples, seeds } = protocol;
  return (
    `${metric}: lower is better. ${formatCount(samples)} images per model and seed, ` +
    `${seeds.length} ${seeds.length === 1 ? 'seed' : 'seeds'}; every model starts from the same noises.`
  );
}

function figureMarkup({ id, title, caption, svg, table }: Figure, index: number): Markup {
  return html`<figure id="${id}">
    ${new Markup(followTheme(svg))}
    <figcaption><b>Figure ${index + 1}. ${title}.</b> ${caption}</figcaption>
    <details>
      <summary>The same data as a table</summary>
      ${tableMarkup(table, title)}
    </details>
  </figure>`;
}

function sampleSection({ samples, protocol }: ReportModel): Markup | string {
  if (samples.length === 0) return '';
  return html`<section class="together">
    <h2>Samples</h2>
    <p>
      The same place in each grid starts from the same noise. ${protocol.sampler.method.toUpperCase()},
      ${protocol.sampler.steps} steps.
    </p>
    <div class="samples">
      ${samples.map(
        ({ label, png }) =>
          html`<figure>
            <img src="data:image/png;base64,${png}" alt="Grid of images generated by: ${label}" />
            <figcaption><b>${label}</b></figcaption>
          </figure>`,
      )}
    </div>
  </section>`;
}

function widthsSection(model: ReportModel): Markup | string {
  const table = widthsTable(model);
  if (table.rows.length === 0) return '';
  return html`<section>
    <h2>Widths of the experts</h2>
    ${tableMarkup(table, 'Channels kept of every prunable width, by timestep group.')}
  </section>`;
}

function protocolEntries(protocol: ReportModel['protocol']): Entry[] {
  const { features, sampler, reference, kernel } = protocol;
  const distinct = new Set(sampler.visited).size;
  return [
    ['Metric', protocol.metric],
    [
      'Features',
      `${features.id}, ${features.dimensions} dimensions` +
        (features.accuracy === null ? '' : `, classifier ${formatPercent(features.accuracy)} accurate`),
    ],
    ['Feature network', `SHA-256 ${features.hash}`],
    ['Generated images', `${formatCount(protocol.samples)} per model and seed; seeds ${protocol.seeds.join(', ')}`],
    ['Reference', `${reference.source}, ${formatCount(reference.images)} images, SHA-256 ${reference.hash}`],
    ['Sampler', `${sampler.method}, ${sampler.steps} steps, ${sampler.grid} grid, ${distinct} distinct timesteps`],
    ['Timesteps visited', sampler.visited.join(' ')],
    [
      'Sampler settings',
      `${sampler.method === 'ddim' ? `eta ${sampler.eta}` : `variance ${sampler.variance}`}, ` +
        `predicted image ${sampler.clip ? 'clipped' : 'not clipped'}`,
    ],
    ['Weights', protocol.weights === 'ema' ? 'moving average (EMA)' : 'raw'],
    ['Resize', protocol.resize],
    ['Covariance', `divided by ${protocol.covariance}`],
    [
      kernelLabel(protocol.metric),
      `${kernel.formula}, ${kernel.subsets} subsets of ${kernel.subsetSize}, seed ${kernel.seed}`,
    ],
    ...(protocol.neighbours === undefined
      ? []
      : [entry('Precision and recall', `radius to nearest neighbour ${protocol.neighbours}`)]),
    ...(protocol.splits === undefined ? [] : [entry('Inception Score', `mean over ${protocol.splits} splits`)]),
    ...(protocol.extrapolation === undefined
      ? []
      : [
          entry(
            'Extrapolation',
            `line in 1 / N through ${protocol.extrapolation.sizes.length} sizes, ` +
              `${formatCount(Math.min(...protocol.extrapolation.sizes))} to ` +
              `${formatCount(Math.max(...protocol.extrapolation.sizes))} images, seed ${protocol.extrapolation.seed}`,
          ),
        ]),
    ['Software', protocol.software],
  ];
}

function entry(name: string, value: string): Entry {
  return [name, value];
}

function definitions(entries: readonly Entry[]): Markup {
  return html`<dl>
    ${entries.map(
      ([name, value]) =>
        html`<dt>${name}</dt>
          <dd>${value}</dd>`,
    )}
  </dl>`;
}
