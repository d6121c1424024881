// What the set-up says at its end, and what it demands of Node.

export const OLDEST_NODE = '20.19';

/** @type {(version: string) => boolean} */
export function isSupportedNode(version) {
  return version.localeCompare(OLDEST_NODE, 'en', { numeric: true }) >= 0;
}

/**
 * One line: what was done, what is missing and what that costs.
 * @param {object} done
 * @param {number} done.packages npm packages installed
 * @param {import('../nativeEngine.mjs').EngineOutcome} done.engine
 * @param {number} done.compiled source files compiled
 * @param {number} done.seconds
 * @returns {string}
 */
export function summary({ packages, engine, compiled, seconds }) {
  const steps = [];
  if (packages > 0) steps.push(`installed ${packages} packages`);
  if (engine.changed && engine.engine !== null) {
    steps.push(`native engine TensorFlow ${engine.engine.tensorflow} (${engine.engine.device})`);
  }
  if (compiled > 0) steps.push(`compiled ${compiled} files`);
  const did = steps.length > 0 ? steps.join(', ') : 'up to date';
  const cost = engine.missing === null ? '' : `; portable engine, roughly 10 times slower, because: ${engine.missing}`;
  return `setup: ${did}${cost} (${seconds.toFixed(1)} s)`;
}
