import { pino } from 'pino';

/** A log that keeps its lines in memory. */
export function memoryLog() {
  const lines: Record<string, unknown>[] = [];
  const log = pino(
    { base: undefined },
    { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  );
  return { log, lines, messages: () => lines.map(({ msg }) => msg) };
}
