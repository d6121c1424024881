import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  collectDocuments,
  createDocumentQueue,
  documentsInArguments,
  type WantedProject,
} from '../../electron/documents.js';
import { app, preventable, resetElectron } from './electronMock.js';
import { removeFolder } from '../removeFolder.js';

vi.mock('electron', () => import('./electronMock.js'));

let folder: string;
const realArguments = process.argv;

beforeEach(() => {
  resetElectron();
  folder = mkdtempSync(join(tmpdir(), 'stepadapt-documents-'));
  for (const name of ['a.stepadapt', 'B.STEPADAPT', 'notes.txt']) writeFileSync(join(folder, name), '{}');
  mkdirSync(join(folder, 'folder.stepadapt'));
});
afterEach(async () => {
  process.argv = realArguments;
  await removeFolder(folder);
});

describe('documentsInArguments', () => {
  it('finds project files, relative ones from where the app was started', () => {
    const absolute = join(folder, 'B.STEPADAPT');
    expect(documentsInArguments(['a.stepadapt', absolute], folder)).toEqual([join(folder, 'a.stepadapt'), absolute]);
  });

  it('leaves out options, other files, folders and what is not there', () => {
    expect(
      documentsInArguments(['--a.stepadapt', '.', 'notes.txt', 'folder.stepadapt', 'gone.stepadapt'], folder),
    ).toEqual([]);
  });
});

describe('the queue of documents', () => {
  it('holds documents until a page can show them, then keeps their order', () => {
    const queue = createDocumentQueue();
    const opened: WantedProject[] = [];
    queue.add({ path: '1' });
    queue.add({ path: '2' });
    expect(opened).toEqual([]);
    queue.connect((project) => opened.push(project));
    queue.add({ id: '3' });
    expect(opened).toEqual([{ path: '1' }, { path: '2' }, { id: '3' }]);
  });

  it('opens nothing twice when a page is loaded again', () => {
    const queue = createDocumentQueue();
    const opened: WantedProject[] = [];
    queue.connect((project) => opened.push(project));
    queue.add({ path: '1' });
    queue.disconnect();
    queue.add({ path: '2' });
    expect(opened).toEqual([{ path: '1' }]);
    queue.connect((project) => opened.push(project));
    expect(opened).toEqual([{ path: '1' }, { path: '2' }]);
  });
});

describe('collectDocuments', () => {
  const collect = () => {
    const queue = createDocumentQueue();
    const onAsked = vi.fn();
    const isFirst = collectDocuments(queue, onAsked);
    const opened: WantedProject[] = [];
    queue.connect((project) => opened.push(project));
    return { isFirst, opened, onAsked };
  };
  const document = () => join(folder, 'a.stepadapt');

  it('takes the command line of the first start', () => {
    process.argv = ['electron', 'main.js', document()];
    const { isFirst, opened, onAsked } = collect();
    expect(isFirst).toBe(true);
    expect(opened).toEqual([{ path: document() }]);
    expect(onAsked).not.toHaveBeenCalled();
  });

  it('takes the command line of a second start, and comes to the front', () => {
    process.argv = ['electron'];
    const { opened, onAsked } = collect();
    app.emit('second-instance', {}, ['electron', 'a.stepadapt'], folder);
    expect(opened).toEqual([{ path: document() }]);
    expect(onAsked).toHaveBeenCalledOnce();
  });

  it("takes macOS's open-file, and says that it has", () => {
    process.argv = ['electron'];
    const { opened } = collect();
    const event = preventable();
    app.emit('open-file', event, document());
    app.emit('open-file', preventable(), join(folder, 'notes.txt'));
    expect(event.defaultPrevented).toBe(true);
    expect(opened).toEqual([{ path: document() }]);
  });

  it('leaves everything to an instance that runs already', () => {
    app.isFirstInstance = false;
    process.argv = ['electron', document()];
    const { isFirst, opened } = collect();
    expect(isFirst).toBe(false);
    expect(opened).toEqual([]);
  });
});
