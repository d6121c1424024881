import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * How many processes the kernel has killed for want of memory so far: in this process's control group where there is one, else
 * on the whole machine. A number that grew while an engine process was killed says why it was. Null where the system does not
 * tell (anything but Linux).
 */
export function memoryKills(): number | null {
  const group = /^0::(\/.*)$/m.exec(readText('/proc/self/cgroup') ?? '')?.[1];
  const counters = [
    ...(group === undefined ? [] : [join('/sys/fs/cgroup', group, 'memory.events')]),
    // Inside a container its own group is the root of what it sees.
    '/sys/fs/cgroup/memory.events',
    '/proc/vmstat',
  ];
  for (const path of counters) {
    const count = /^oom_kill (\d+)$/m.exec(readText(path) ?? '')?.[1];
    if (count !== undefined) return Number(count);
  }
  return null;
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
