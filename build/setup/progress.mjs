// Progress of the set-up on stderr: one line that rewrites itself on a terminal, a line every few seconds elsewhere.

const LINE_EVERY_MS = 5_000;

/**
 * Takes the text to show. `done` ends it.
 * @typedef {{ update: (text: string) => void, done: () => void }} Progress
 */

/**
 * @param {{ isTTY?: boolean, columns?: number, write: (text: string) => unknown }} stream
 * @param {() => number} [now] milliseconds
 * @returns {Progress}
 */
export function createProgress(stream, now = Date.now) {
  /** @type {number | null} */
  let lastLineAt = null;
  let shown = false;
  return {
    update(text) {
      if (stream.isTTY) {
        stream.write(`\r\x1b[2K${text.slice(0, (stream.columns ?? 80) - 1)}`);
        shown = true;
        return;
      }
      // What is over within seconds needs no line in a log.
      lastLineAt ??= now();
      if (now() - lastLineAt < LINE_EVERY_MS) return;
      lastLineAt = now();
      stream.write(`${text}\n`);
    },
    done() {
      if (shown) stream.write('\r\x1b[2K');
      shown = false;
      lastLineAt = null;
    },
  };
}

/**
 * `setup: tensorflow-cpu 2.21.0 (1 of 1): 120 of 274 MB (44 %), 11.2 MB/s, 14 s left`
 * @param {string} what
 * @param {{ bytes: number, totalBytes: number | null, seconds: number }} state
 * @returns {string}
 */
export function downloadLine(what, { bytes, totalBytes, seconds }) {
  const megabytes = (/** @type {number} */ value) => (value / 1e6).toFixed(0);
  const rate = seconds > 0 ? bytes / seconds : 0;
  const speed = rate > 0 ? `, ${(rate / 1e6).toFixed(1)} MB/s` : '';
  if (totalBytes === null || totalBytes <= 0) return `setup: ${what}: ${megabytes(bytes)} MB${speed}`;
  // pip states sizes rounded to a tenth, so the file may turn out a little larger.
  const fraction = Math.min(1, bytes / totalBytes);
  const left = rate > 0 ? `, ${Math.ceil(Math.max(0, totalBytes - bytes) / rate)} s left` : '';
  return `setup: ${what}: ${megabytes(bytes)} of ${megabytes(totalBytes)} MB (${Math.floor(fraction * 100)} %)${speed}${left}`;
}

/**
 * The size that pip announces for a wheel it downloads, in bytes, or null if the text names none.
 * @param {string} pipOutput
 * @returns {number | null}
 */
export function announcedBytes(pipOutput) {
  const match = /Downloading \S+\.whl \(([\d.]+) (bytes|kB|MB|GB)\)/.exec(pipOutput);
  if (match === null) return null;
  const unit = { bytes: 1, kB: 1e3, MB: 1e6, GB: 1e9 }[match[2] ?? ''] ?? 1;
  return Math.round(Number(match[1]) * unit);
}
