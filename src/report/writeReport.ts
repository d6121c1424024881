import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inputError } from '../contract/errors.js';
import { writeFileAtomic, writeJsonAtomic } from '../project/atomicFile.js';
import { reportFigures } from './figures.js';
import { tableLatex } from './latex.js';
import { rasterise } from './rasterise.js';
import { widthsTable } from './groupFigures.js';
import { reportPage } from './html.js';
import { ledgerTable } from './ledgerTable.js';
import { comparisonTable } from './qualityFigure.js';
import { reportSchema, type ReportModel } from './reportModel.js';
import { tableCsv, type Table } from './table.js';

/**
 * Writes a report into a folder that is new or empty and returns the path of its page:
 * `report.html` (self-contained), `report.json`, one CSV per table with every digit, `comparison.tex`,
 * `figures/*.svg`, and with `pngWidth` (pixels) `figures/*.png`.
 * `report.html` comes last, so that a folder with a page is complete. Throws `REPORT_EXISTS` rather than overwrite anything.
 */
export async function writeReport(
  folder: string,
  model: ReportModel,
  options: { readonly pngWidth?: number } = {},
): Promise<string> {
  await mkdir(folder, { recursive: true });
  const present = await readdir(folder);
  if (present.length > 0) {
    throw inputError(
      'REPORT_EXISTS',
      `${folder} already holds ${present[0]}`,
      'write the report into a new folder; reports are never overwritten',
    );
  }
  await mkdir(join(folder, 'figures'));
  const figures = reportFigures(model);
  for (const { id, svg } of figures) {
    await writeFileAtomic(join(folder, 'figures', `${id}.svg`), svg);
    if (options.pngWidth === undefined) continue;
    await writeFileAtomic(join(folder, 'figures', `${id}.png`), await rasterise(svg, options.pngWidth));
  }
  const tables: Record<string, Table> = {
    comparison: comparisonTable(model),
    widths: widthsTable(model),
    ledger: ledgerTable(model),
    snr_by_timestep: snrTable(model),
    training_by_step: curveTable(model),
    ...Object.fromEntries(figures.map(({ id, table }) => [id, table])),
  };
  for (const [name, table] of Object.entries(tables)) {
    await writeFileAtomic(join(folder, `${name}.csv`), tableCsv(table));
  }
  const caption = `${model.project}: ${model.metric} against compute, ${model.protocol.samples} images per seed.`;
  await writeFileAtomic(join(folder, 'comparison.tex'), tableLatex(comparisonTable(model), caption, 'comparison'));
  await writeJsonAtomic(join(folder, 'report.json'), model);
  const page = join(folder, 'report.html');
  await writeFileAtomic(page, reportPage(model, figures));
  return page;
}

/** Reads the `report.json` of a report folder. Throws `REPORT_INVALID`. */
export async function readReport(folder: string): Promise<ReportModel> {
  const path = join(folder, 'report.json');
  const text = await readFile(path, 'utf8');
  try {
    return reportSchema.parse(JSON.parse(text));
  } catch (error) {
    throw inputError('REPORT_INVALID', `${path} is not a report of this program`, 'make the report again', {
      cause: error,
    });
  }
}

function snrTable({ snrDb }: ReportModel): Table {
  return {
    columns: [
      { label: 'timestep', name: 'timestep' },
      { label: 'SNR (dB)', name: 'snr_db' },
    ],
    rows: snrDb.map((value, timestep) => [timestep, value]),
  };
}

function curveTable({ curves }: ReportModel): Table {
  return {
    columns: [
      { label: 'stage', name: 'stage' },
      { label: 'step', name: 'step' },
      { label: 'loss', name: 'loss' },
    ],
    rows: curves.flatMap(({ stage, points }) => points.map(({ step, loss }) => [stage, step, loss])),
  };
}
