import { readFileSync } from 'node:fs';

/** Largest resident memory of this process so far, in bytes. */
export function peakRssBytes(): number {
  return linuxHighWaterMark() ?? process.resourceUsage().maxRSS * 1024;
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
