import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../project/atomicFile.js';

/** Pictures that somebody asked for, `samples/NAME.png` of a project. The name says all that there is to know of one. */
export interface DrawnSample {
  /** When it was asked for, ISO time. */
  readonly at: string;
  /** `base`, `uniform`, `adaptive`, or the stage in training, `experts/2`. */
  readonly model: string;
  /** Updates that its weights had; 0 for several networks together. */
  readonly step: number;
  readonly seed: number;
  readonly count: number;
}

const FOLDER = 'samples';
/** `20261126184500123-experts2-step300-seed7-count16`: sorts by time, and says nothing that an address may not hold. */
const NAME = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{3})-([a-z]+)(\d*)-step(\d+)-seed(\d+)-count(\d+)$/;

export function drawnName({ at, model, step, seed, count }: DrawnSample): string {
  const time = new Date(at).toISOString().replaceAll(/\D/g, '');
  return `${time}-${model.replace('/', '')}-step${step}-seed${seed}-count${count}`;
}

/** Null for a name that is none of ours. */
export function parseDrawnName(name: string): DrawnSample | null {
  const parts = NAME.exec(name);
  if (parts === null) return null;
  const [, year, month, day, hour, minute, second, millisecond, model, index, step, seed, count] = parts;
  const time = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}.${millisecond}Z`);
  if (Number.isNaN(time.getTime())) return null;
  return {
    at: time.toISOString(),
    model: index === '' ? model : `${model}/${index}`,
    step: Number(step),
    seed: Number(seed),
    count: Number(count),
  };
}

/** Path of a drawn picture inside its project. */
export function drawnPath(name: string): string {
  return join(FOLDER, `${name}.png`);
}

/** @returns the picture's name */
export async function writeDrawn(projectFolder: string, sample: DrawnSample, png: Uint8Array): Promise<string> {
  const name = drawnName(sample);
  await mkdir(join(projectFolder, FOLDER), { recursive: true });
  await writeFileAtomic(join(projectFolder, drawnPath(name)), png);
  return name;
}

/** Names of the newest `most` pictures, oldest first. */
export async function listDrawn(projectFolder: string, most: number): Promise<string[]> {
  const files = await readdir(join(projectFolder, FOLDER)).catch(() => []);
  return files
    .filter((file) => file.endsWith('.png'))
    .map((file) => file.slice(0, -'.png'.length))
    .filter((name) => parseDrawnName(name) !== null)
    .sort()
    .slice(-most);
}
