import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { inputError } from '../contract/errors.js';
import type { DrawnSample as DrawnSampleView, ReportView, SampleView } from '../contract/runViews.js';
import { drawnPath, listDrawn, parseDrawnName } from '../pipeline/drawnSamples.js';
import { MetricsFile } from '../pipeline/metricsFile.js';
import { isInside } from '../project/links.js';
import type { Project } from '../project/project.js';
import { rasterise } from '../report/rasterise.js';
import { drawPreview } from './dataPreview.js';

/** A file of a project, found by the ids in an address. */
export interface ProjectFile {
  /** Name to save it under; its ending decides the content type. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Images and the pages of reports are shown; everything else is saved. */
  readonly isDownload: boolean;
}

/** `PROJECT~base~step-0000300`, `PROJECT~evaluation~adaptive`, `PROJECT~drawn~NAME`; `experts-2` stands for `experts/2`. */
const IMAGE_ID = /^([0-9a-f]{16})~([a-z]+)(-\d+)?~([a-z0-9-]{1,80})$/;
/** Pictures of a training as it goes on; an expert's comparison with the base has other names. */
const STEP = /^step-(\d+)/;
const REPORT_FILE = /^(report\.(html|json|pdf)|[a-z0-9_-]+\.(csv|tex)|figures\/[a-z0-9_-]+\.(svg|png))$/;
const REPORT_ID = /^[0-9A-Za-z][0-9A-Za-z-]{0,80}$/;

/** Id of the picture NAME of a stage. */
export function imageId(projectId: string, stage: string, name: string): string {
  return `${projectId}~${stage.replace('/', '-')}~${name}`;
}

/** Id of a picture by the path that the pipeline reports, `.../stages/base/samples/step-0000300.png`. */
export function imageIdOfSample(projectId: string, stage: string, path: string): string {
  return imageId(
    projectId,
    stage,
    path
      .split(/[\\/]/)
      .at(-1)!
      .replace(/\.png$/, ''),
  );
}

/** Sample grids of these stages, oldest first, and those of the evaluated models. */
export async function listSamples(
  projectId: string,
  project: Project,
  stages: readonly string[],
): Promise<SampleView[]> {
  const lists = await Promise.all(
    stages.map(async (stage) => {
      const names =
        stage === 'evaluation'
          ? await sampleNames(join(project.folder, 'stages', stage))
          : (await sampleNames(join(project.folder, 'stages', stage, 'samples'))).filter((name) => STEP.test(name));
      return names.map((name) => ({
        stage,
        step: Number(STEP.exec(name)?.[1] ?? 0),
        image: imageIdOfSample(projectId, stage, name),
      }));
    }),
  );
  return lists.flat();
}

const DRAWN_KEPT = 100;

/** The newest grids that somebody asked for, oldest first. */
export async function listDrawnSamples(projectId: string, project: Project): Promise<DrawnSampleView[]> {
  return (await listDrawn(project.folder, DRAWN_KEPT)).map((name) => viewDrawn(projectId, name));
}

/** @param name as `writeDrawn` gave it */
export function viewDrawn(projectId: string, name: string): DrawnSampleView {
  const sample = parseDrawnName(name);
  if (sample === null) throw new RangeError(`${name} is not the name of a drawn sample`);
  return { ...sample, image: imageId(projectId, 'drawn', name) };
}

/** Pictures in a folder, sorted; none where there is no folder. */
export async function sampleNames(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).filter((name) => /^[a-z0-9-]+\.png$/.test(name)).sort();
}

/**
 * Reads what an address below `/api/` names: `image/ID`, `report/PROJECT/REPORT/FILE`, `figure/PROJECT/REPORT/NAME/WIDTH.png`,
 * `metrics/PROJECT/NAME.csv`, `data/PROJECT/data.png`. Addresses hold ids alone; the file must lie in the project after every link is followed.
 * @returns null for anything else
 */
export async function readProjectFile(
  pathname: string,
  open: (id: string) => Promise<Project>,
): Promise<ProjectFile | null> {
  const [, api, kind, ...rest] = pathname.split('/').map(decodePart);
  if (api !== 'api') return null;
  switch (kind) {
    case 'image': {
      const [, id, stage, index = '', name] = IMAGE_ID.exec(rest.join('/')) ?? [];
      if (id === undefined) return null;
      if (stage === 'drawn') return shown(`${name}.png`, await readInside(await open(id), drawnPath(name)));
      const folder = index === '' ? stage : join(stage, index.slice(1));
      const place = join('stages', folder, ...(stage === 'evaluation' ? [] : ['samples']), `${name}.png`);
      return shown(`${name}.png`, await readInside(await open(id), place));
    }
    case 'report': {
      const [id, report, ...file] = rest;
      const path = file.join('/');
      if (!REPORT_ID.test(report ?? '') || !REPORT_FILE.test(path)) return null;
      const bytes = await readInside(await open(id), join('reports', report, ...file));
      if (bytes === null) return null;
      return { name: file.at(-1)!, bytes, isDownload: path !== 'report.html' };
    }
    case 'figure': {
      const [id, report, figure, size, ...more] = rest;
      const width = /^(\d{3,4})\.png$/.exec(size ?? '')?.[1];
      const path = `figures/${figure}.svg`;
      if (more.length > 0 || width === undefined || !REPORT_ID.test(report ?? '') || !REPORT_FILE.test(path))
        return null;
      const svg = await readInside(await open(id), join('reports', report, path));
      return svg === null
        ? null
        : { name: `${figure}.png`, bytes: await drawPng(svg, Number(width)), isDownload: true };
    }
    case 'data': {
      const [id, name, ...more] = rest;
      if (more.length > 0 || name !== 'data.png') return null;
      return shown(name, await drawPreview((await open(id)).file.config.data));
    }
    case 'metrics': {
      const [id, name, ...more] = rest;
      if (more.length > 0 || name !== 'metrics.csv') return null;
      return { name, bytes: Buffer.from(await metricsCsv(await open(id))), isDownload: true };
    }
    default:
      return null;
  }
}

/** Reports of a project, newest first; a folder without a page is unfinished and left out. */
export async function listReports(projectId: string, project: Project): Promise<ReportView[]> {
  const names = (await readdir(join(project.folder, 'reports')).catch(() => [])).filter((name) => REPORT_ID.test(name));
  const reports = await Promise.all(names.map((name) => viewReport(projectId, project, name)));
  return reports
    .filter((report) => report !== null)
    .sort((a, b) => b.createdAt.localeCompare(a.createdAt) || b.id.localeCompare(a.id));
}

async function viewReport(projectId: string, project: Project, id: string): Promise<ReportView | null> {
  const folder = join(project.folder, 'reports', id);
  const page = await stat(join(folder, 'report.html')).catch(() => null);
  if (page === null) return null;
  const figures = await readdir(join(folder, 'figures')).catch(() => []);
  const tables = await readdir(folder);
  const stems = (names: string[], ending: string) =>
    names
      .filter((name) => name.endsWith(ending) && /^[a-z0-9_-]+\.\w+$/.test(name))
      .map((name) => name.slice(0, -ending.length));
  return {
    id,
    createdAt: page.mtime.toISOString(),
    url: `/api/report/${projectId}/${id}/report.html`,
    figures: stems(figures, '.svg').sort(),
    tables: stems(tables, '.csv').sort(),
  };
}

/** Every logged value of every training, one row an entry. */
async function metricsCsv(project: Project): Promise<string> {
  const experts = (await readdir(join(project.folder, 'stages', 'experts')).catch(() => [])).sort(
    (a, b) => Number(a) - Number(b),
  );
  const rows = ['stage,step,loss,gradient_norm,learning_rate'];
  for (const stage of ['base', ...experts.map((index) => `experts/${index}`), 'uniform']) {
    for (const line of await new MetricsFile(join(project.folder, 'stages', stage)).read()) {
      rows.push([stage, line.step, line.loss, line.gradientNorm, line.learningRate].join(','));
    }
  }
  return `${rows.join('\n')}\n`;
}

async function readInside(project: Project, place: string): Promise<Buffer | null> {
  try {
    const path = await realpath(join(project.folder, place));
    if (!isInside(await realpath(project.folder), path)) return null;
    return await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return null;
    throw error;
  }
}

/** On white, as on paper. */
function drawPng(svg: Buffer, width: number): Promise<Buffer> {
  if (width < 100 || width > 8000)
    throw inputError('WIDTH_INVALID', `a width of ${width}`, 'choose 100 to 8000 pixels');
  return rasterise(svg.toString(), width);
}

function shown(name: string, bytes: Buffer | null): ProjectFile | null {
  return bytes === null ? null : { name, bytes, isDownload: false };
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return '';
  }
}
