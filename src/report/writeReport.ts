import { mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { inputError } from '../contract/errors.js';
import { readInputFile } from '../formats/inputFile.js';
import { parseJson } from '../formats/json.js';
import { fsyncFolder, makeFolder, writeFileAtomic, writeJsonAtomic } from '../project/atomicFile.js';
import { writeFileHashes } from '../project/fileHashes.js';
import { reportFigures } from './figures.js';
import { rasterise } from './rasterise.js';
import { widthsTable } from './groupFigures.js';
import { comparisonLatex, reportPage } from './html.js';
import { ledgerTable } from './ledgerTable.js';
import { furtherTable, seedsTable } from './metricsTables.js';
import { comparisonTable } from './qualityFigure.js';
import { reportSchema, type ReportModel } from './reportModel.js';
import { tableCsv, type Table } from './table.js';

/** Sample grids and curves of the longest training included. */
const MAX_REPORT_BYTES = 2 ** 28;

/**
 * Writes a report into a folder that is new or empty and returns the path of its page:
 * `report.html` (self-contained), `report.json`, one CSV per table with every digit, `comparison.tex`, the experiment as
 * `experiment.stepadapt`, `figures/*.svg`, `files.json` with the hash of each, and with `pngWidth` (pixels) `figures/*.png`.
 * The folder gets its name when everything is in it, so that a report is whole or not there. Throws `REPORT_EXISTS` rather
 * than overwrite anything.
 */
export async function writeReport(
  folder: string,
  model: ReportModel,
  options: { readonly pngWidth?: number } = {},
): Promise<string> {
  const parent = dirname(resolve(folder));
  await makeFolder(parent);
  const present = await namesIn(folder);
  if (present !== null && present.length > 0) {
    throw inputError(
      'REPORT_EXISTS',
      `${folder} already holds ${present[0]}`,
      'write the report into a new folder; reports are never overwritten',
    );
  }
  const unfinished = join(parent, `.writing-${basename(folder)}`);
  await rm(unfinished, { recursive: true, force: true });
  try {
    await writeFiles(unfinished, model, options);
    await writeFileHashes(unfinished);
    if (present !== null) await rmdir(folder);
    await rename(unfinished, folder);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true }).catch(() => undefined);
    throw error;
  }
  await fsyncFolder(parent);
  return join(folder, 'report.html');
}

async function writeFiles(folder: string, model: ReportModel, options: { readonly pngWidth?: number }): Promise<void> {
  await mkdir(join(folder, 'figures'), { recursive: true });
  const figures = reportFigures(model);
  for (const { id, svg } of figures) {
    await writeFileAtomic(join(folder, 'figures', `${id}.svg`), svg);
    if (options.pngWidth === undefined) continue;
    await writeFileAtomic(join(folder, 'figures', `${id}.png`), await rasterise(svg, options.pngWidth));
  }
  const further = furtherTable(model);
  const tables: Record<string, Table> = {
    comparison: comparisonTable(model),
    widths: widthsTable(model),
    ledger: ledgerTable(model),
    seeds: seedsTable(model),
    ...(further.rows.length > 0 && { 'further-metrics': further }),
    snr_by_timestep: snrTable(model),
    training_by_step: curveTable(model),
    ...Object.fromEntries(figures.map(({ id, table }) => [id, table])),
  };
  for (const [name, table] of Object.entries(tables)) {
    await writeFileAtomic(join(folder, `${name}.csv`), tableCsv(table));
  }
  await writeFileAtomic(join(folder, 'comparison.tex'), comparisonLatex(model));
  if (model.experiment !== null) await writeJsonAtomic(join(folder, 'experiment.stepadapt'), model.experiment);
  await writeJsonAtomic(join(folder, 'report.json'), model);
  await writeFileAtomic(join(folder, 'report.html'), reportPage(model, figures));
}

/** Names in a folder; null when it does not exist. */
async function namesIn(folder: string): Promise<string[] | null> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Reads the `report.json` of a report folder. Throws `REPORT_INVALID`. */
export async function readReport(folder: string): Promise<ReportModel> {
  const path = join(folder, 'report.json');
  const text = (await readInputFile(path, { maxBytes: MAX_REPORT_BYTES })).toString('utf8');
  try {
    return reportSchema.parse(parseJson(text));
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
