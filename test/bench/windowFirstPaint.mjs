/**
 * Time from asking for the window to its first picture, from a host that runs already, without the browser's cache.
 *
 *     node test/bench/windowFirstPaint.mjs [TIMES]
 *
 * Half a minute. Prints milliseconds: the browser's own first contentful paint, and until the list of projects is there.
 * The goal is a first paint under 1000 ms.
 */
import { median, openWindow, printResult } from './openWindow.mjs';

const times = Number(process.argv[2] ?? 9);
const window = await openWindow();
try {
  const paints = [];
  const ready = [];
  for (let time = 0; time < times; time++) {
    const page = await window.context.newPage();
    const session = await window.context.newCDPSession(page);
    await session.send('Network.setCacheDisabled', { cacheDisabled: true });
    await page.goto(`${window.origin}/`);
    await page.getByText('Nothing here yet').waitFor();
    ready.push(await page.evaluate(() => performance.now()));
    paints.push(
      await page.evaluate(
        () =>
          new Promise((done) => {
            new PerformanceObserver((list, observer) => {
              const entry = list.getEntriesByName('first-contentful-paint')[0];
              if (entry === undefined) return;
              observer.disconnect();
              done(entry.startTime);
            }).observe({ type: 'paint', buffered: true });
          }),
      ),
    );
    await page.close();
  }
  printResult({
    benchmark: 'first paint from a warm host',
    goalMs: 1000,
    firstContentfulPaintMs: { median: Math.round(median(paints)), worst: Math.round(Math.max(...paints)) },
    projectsListedMs: { median: Math.round(median(ready)), worst: Math.round(Math.max(...ready)) },
    times,
  });
} finally {
  await window.close();
}
