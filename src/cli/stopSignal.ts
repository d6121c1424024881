/**
 * Ctrl-C asks for a clean stop with a checkpoint; a second one ends at once (the last checkpoint stays). SIGTERM asks too.
 * @param words what to say when asked
 * @returns the signal, and a function that puts the process's own handling back
 */
export function stopOnInterrupt(words = 'stopping after this step; press Ctrl-C again to stop at once'): {
  signal: AbortSignal;
  restore: () => void;
} {
  const controller = new AbortController();
  const ask = () => {
    if (controller.signal.aborted) process.exit(130);
    process.stderr.write(`\n${words}\n`);
    controller.abort();
  };
  process.on('SIGINT', ask);
  process.on('SIGTERM', ask);
  return {
    signal: controller.signal,
    restore: () => {
      process.off('SIGINT', ask);
      process.off('SIGTERM', ask);
    },
  };
}
