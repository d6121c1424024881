import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { placeOnDisplays, readWindowPlace, SMALLEST_SIZE, writeWindowPlace } from '../../electron/windowPlace.js';
import { createMainWindow } from '../../electron/windows.js';
import { app, BrowserWindow, dialog, preventable, resetElectron, screen } from './electronMock.js';
import { memoryLog } from './memoryLog.js';
import { removeFolder } from '../removeFolder.js';

vi.mock('electron', () => import('./electronMock.js'));

let folder: string;
beforeEach(() => {
  resetElectron();
  folder = mkdtempSync(join(tmpdir(), 'stepadapt-window-'));
  app.setPath('userData', folder);
});
afterEach(() => removeFolder(folder));

const primary = { workArea: { x: 0, y: 25, width: 1920, height: 1055 } };
const right = { workArea: { x: 1920, y: 0, width: 2560, height: 1440 } };

describe('placeOnDisplays', () => {
  it('starts in the middle of the primary display', () => {
    expect(placeOnDisplays(null, [primary, right])).toEqual({ x: 320, y: 123, width: 1280, height: 860 });
  });

  it('keeps a place that is still there', () => {
    const place = { x: 2000, y: 100, width: 1500, height: 900 };
    expect(placeOnDisplays(place, [primary, right])).toEqual(place);
  });

  it('moves to the primary display when its own is gone', () => {
    expect(placeOnDisplays({ x: 2000, y: 100, width: 1500, height: 900 }, [primary])).toEqual({
      x: 210,
      y: 103,
      width: 1500,
      height: 900,
    });
  });

  it('shrinks to a smaller display', () => {
    const small = { workArea: { x: 0, y: 0, width: 1366, height: 768 } };
    expect(placeOnDisplays({ x: 100, y: 100, width: 2400, height: 1300 }, [small])).toEqual({
      x: 0,
      y: 0,
      width: 1366,
      height: 768,
    });
  });

  it('always gives bounds inside a work area, no smaller than the smallest where there is room', () => {
    const coordinate = fc.integer({ min: -10_000, max: 10_000 });
    const place = fc.record({
      x: coordinate,
      y: coordinate,
      width: fc.integer({ min: 0, max: 9000 }),
      height: fc.integer({ min: 0, max: 9000 }),
    });
    const area = fc.record({
      x: coordinate,
      y: coordinate,
      width: fc.integer({ min: 320, max: 8000 }),
      height: fc.integer({ min: 240, max: 5000 }),
    });
    fc.assert(
      fc.property(fc.option(place), fc.array(area, { minLength: 1, maxLength: 4 }), (remembered, areas) => {
        const bounds = placeOnDisplays(
          remembered,
          areas.map((workArea) => ({ workArea })),
        );
        const home = areas.find(
          ({ x, y, width, height }) =>
            bounds.x >= x &&
            bounds.y >= y &&
            bounds.x + bounds.width <= x + width &&
            bounds.y + bounds.height <= y + height,
        );
        expect(home).toBeDefined();
        expect(bounds.width).toBeGreaterThanOrEqual(Math.min(SMALLEST_SIZE.width, ...areas.map(({ width }) => width)));
      }),
    );
  });
});

describe('the remembered place', () => {
  const place = { bounds: { x: 1, y: 2, width: 1000, height: 700 }, maximized: true };

  it('comes back as it was', () => {
    writeWindowPlace(join(folder, 'window.json'), place);
    expect(readWindowPlace(join(folder, 'window.json'))).toMatchObject(place);
  });

  it.each(['', '{"format":"stepadapt-window","ver', '{}', '[]', '{"format":"stepadapt-window","version":2}'])(
    'is forgotten where the file holds %j',
    (text) => {
      writeFileSync(join(folder, 'window.json'), text);
      expect(readWindowPlace(join(folder, 'window.json'))).toBeNull();
    },
  );
});

describe('the main window', () => {
  const open = () => {
    const onGone = vi.fn();
    const main = createMainWindow({ preload: '/preload.cjs', log: memoryLog().log, onGone });
    main.show();
    return { main, onGone, window: BrowserWindow.all[0]! };
  };

  it('opens once and comes to the front when asked again', () => {
    const { main, window } = open();
    window.minimized = true;
    main.show();
    expect(BrowserWindow.all).toHaveLength(1);
    expect(window).toMatchObject({ minimized: false, focused: true });
  });

  it('comes back where it was, maximized if it was, and not where no display is', () => {
    const first = open();
    first.window.bounds = { x: 50, y: 60, width: 1100, height: 800 };
    first.window.maximized = true;
    first.window.close();
    expect(first.main.current()).toBeNull();
    expect(first.onGone).toHaveBeenCalledOnce();
    first.main.show();
    const second = BrowserWindow.all[0]!;
    second.emit('ready-to-show');
    expect(second.bounds).toEqual({ x: 50, y: 60, width: 1100, height: 800 });
    expect(second).toMatchObject({ maximized: true, shown: 1 });
    second.bounds = { x: 9000, y: 60, width: 1100, height: 800 };
    second.close();
    first.main.show();
    expect(BrowserWindow.all[0]!.bounds.x).toBeLessThan(screen.displays[0]!.workArea.width);
  });

  it.each([
    ['leaves', 0, true],
    ['stays', 1, false],
  ])('asks before unsaved changes are lost; the user %s', (_what, answer, left) => {
    const { window } = open();
    const event = preventable();
    dialog.answers.push(answer);
    window.webContents.emit('will-prevent-unload', event);
    expect(event.defaultPrevented).toBe(left);
    expect(dialog.asked[0]!.options).toMatchObject({ defaultId: 1, cancelId: 1 });
  });
});
