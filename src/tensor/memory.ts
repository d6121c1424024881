import { readFileSync, writeFileSync } from 'node:fs';

/** Largest resident memory of this process so far, or since `resetPeakRss` where the system can forget; in bytes. */
export function peakRssBytes(): number {
  return linuxHighWaterMark() ?? process.resourceUsage().maxRSS * 1024;
}

/**
 * Begins a new measurement of the peak: Linux forgets the process's high-water mark on request (`proc(5)`, `clear_refs`).
 *
 * @returns whether it did; elsewhere, and where the file may not be written, the peak stays that of the whole process
 */
export function resetPeakRss(): boolean {
  if (process.platform !== 'linux') return false;
  try {
    writeFileSync('/proc/self/clear_refs', '5');
    return true;
  } catch {
    return false;
  }
}

/**
 * `VmHWM` of `/proc/self/status`. Preferred where it exists: `maxRSS` is inherited across exec on Linux, so a small process
 * started by a large one would report its parent's peak.
 */
function linuxHighWaterMark(): number | null {
  if (process.platform !== 'linux') return null;
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return kibibytes === undefined ? null : Number(kibibytes) * 1024;
}
