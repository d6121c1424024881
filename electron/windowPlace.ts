import { readFileSync } from 'node:fs';
import type { Display, Rectangle } from 'electron';
import writeFileAtomic from 'write-file-atomic';
import { z } from 'zod';

/** Where the window was when it was last closed. */
const placeSchema = z.strictObject({
  format: z.literal('stepadapt-window'),
  version: z.literal(1),
  bounds: z.strictObject({
    x: z.number().int(),
    y: z.number().int(),
    width: z.number().int(),
    height: z.number().int(),
  }),
  maximized: z.boolean(),
});

export interface WindowPlace {
  readonly bounds: Rectangle;
  readonly maximized: boolean;
}

export const SMALLEST_SIZE = { width: 900, height: 600 } as const;
const FIRST_SIZE = { width: 1280, height: 860 } as const;

/** The remembered place, or null if there is none or its file is damaged: a window's place is never worth an error. */
export function readWindowPlace(path: string): WindowPlace | null {
  try {
    return placeSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return null;
  }
}

/** Remembers a place. Synchronous, because it happens while the window closes. */
export function writeWindowPlace(path: string, { bounds, maximized }: WindowPlace): void {
  const place: z.output<typeof placeSchema> = { format: 'stepadapt-window', version: 1, bounds, maximized };
  writeFileAtomic.sync(path, `${JSON.stringify(place, null, 2)}\n`);
}

/**
 * Bounds that can be seen and grasped on the displays there are now. A remembered place keeps the display that shows most of
 * it; one whose display is gone moves to the first display, which is the primary one. Sizes shrink to the work area.
 */
export function placeOnDisplays(
  remembered: Rectangle | null,
  displays: readonly Pick<Display, 'workArea'>[],
): Rectangle {
  const areas = displays.map(({ workArea }) => workArea);
  const primary = areas[0] ?? { x: 0, y: 0, ...FIRST_SIZE };
  if (remembered === null) return centre(FIRST_SIZE, primary);
  const home = areas.reduce(
    (best, area) => (overlap(remembered, area) > overlap(remembered, best) ? area : best),
    primary,
  );
  if (overlap(remembered, home) === 0) return centre(remembered, primary);
  const width = within(remembered.width, SMALLEST_SIZE.width, home.width);
  const height = within(remembered.height, SMALLEST_SIZE.height, home.height);
  return {
    x: within(remembered.x, home.x, home.x + home.width - width),
    y: within(remembered.y, home.y, home.y + home.height - height),
    width,
    height,
  };
}

function centre(size: { width: number; height: number }, area: Rectangle): Rectangle {
  const width = within(size.width, SMALLEST_SIZE.width, area.width);
  const height = within(size.height, SMALLEST_SIZE.height, area.height);
  return {
    x: area.x + Math.round((area.width - width) / 2),
    y: area.y + Math.round((area.height - height) / 2),
    width,
    height,
  };
}

/** Pixels that two rectangles share. */
function overlap(a: Rectangle, b: Rectangle): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  return Math.max(0, width) * Math.max(0, height);
}

/** `value`, at least `least` if `most` allows it, at most `most`. */
function within(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
