/**
 * Time from an edit of the design to the new plan, at 1000 timesteps.
 *
 *     node test/bench/windowReplan.mjs [TIMES]
 *
 * A minute. For a small and for the published network: the host's work alone (`hostMs`), a request from the page and back
 * (`roundTripMs`), and from the key press on a group border to the frame that draws the new plan (`keyToPlanMs`). The goal is
 * under 50 ms for the plan.
 */
import { median, openWindow, printResult, quantile } from './openWindow.mjs';

const times = Number(process.argv[2] ?? 40);
const rounded = (values) => ({
  median: Number(median(values).toFixed(1)),
  p95: Number(quantile(values, 0.95).toFixed(1)),
});
const window = await openWindow();
try {
  const { previewDesign } = await import('../../dist/src/app/designPreview.js');
  const presets = {};
  for (const preset of ['shapes-tiny', 'cifar10-ddpm']) {
    const { id, config } = await window.call('projects.create', { name: preset, preset });
    const variant = (time) => ({ ...config, budget: { ...config.budget, targetMean: 0.7 + (0.2 * time) / times } });
    // The host has run for a while when somebody edits: its code is compiled.
    for (let time = 0; time < 10; time++) previewDesign(variant(time));
    const hostMs = Array.from({ length: times }, (_, time) => {
      const started = performance.now();
      const { design } = previewDesign(variant(time));
      if (design?.timesteps !== 1000) throw new Error('not a plan of 1000 timesteps');
      return performance.now() - started;
    });

    const { page } = window;
    await page.goto(`${window.origin}/#/project/${id}/design`);
    await page.getByRole('slider', { name: 'Border 1' }).waitFor();
    const roundTripMs = await page.evaluate(
      async (configs) => {
        const spent = [];
        for (const wanted of configs) {
          const started = performance.now();
          const response = await fetch('/api/call/design.preview', {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ config: wanted }),
          });
          await response.json();
          spent.push(performance.now() - started);
        }
        return spent;
      },
      hostMs.map((_, time) => variant(time)),
    );

    await page.getByRole('slider', { name: 'Border 1' }).focus();
    const keyToPlanMs = [];
    for (let time = 0; time < times; time++) {
      await page.evaluate(() => {
        window.spent = new Promise((done) => {
          let pressed = Number.NaN;
          window.addEventListener('keydown', () => (pressed = performance.now()), { capture: true, once: true });
          new PerformanceObserver((list, observer) => {
            const answered = list
              .getEntries()
              .some(({ name, startTime }) => name.endsWith('/design.preview') && startTime >= pressed);
            if (!answered) return;
            observer.disconnect();
            // The plan is in the page at once and drawn with the next frame.
            requestAnimationFrame(() => done(performance.now() - pressed));
          }).observe({ type: 'resource' });
        });
      });
      await page.keyboard.press(time % 2 === 0 ? 'Shift+ArrowRight' : 'Shift+ArrowLeft');
      keyToPlanMs.push(await page.evaluate(() => window.spent));
    }
    presets[preset] = { hostMs: rounded(hostMs), roundTripMs: rounded(roundTripMs), keyToPlanMs: rounded(keyToPlanMs) };
  }
  printResult({ benchmark: 're-plan at 1000 timesteps', goalMs: 50, presets, times });
} finally {
  await window.close();
}
