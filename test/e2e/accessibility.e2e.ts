import { AxeBuilder } from '@axe-core/playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Page } from 'playwright-core';
import { runCli } from '../cli/runCli.js';
import { makeTinyProject, openProject, openStudio, type Studio } from './studio.js';

let studio: Studio;
let page: Page;

beforeAll(async () => {
  studio = await openStudio();
  page = studio.page;
  const path = await makeTinyProject(studio.folder, 'tiny');
  const run = await runCli(['run', path]);
  if (run.code !== 0) throw new Error(run.stderr);
  await openProject(page, path);
});
afterAll(() => studio.close());

const READY: Readonly<Record<string, string>> = {
  Start: 'Recent projects',
  Design: 'Difficulty and groups',
  Run: 'Loss by timestep',
  Experts: 'Held-out loss',
  Results: 'Comparison',
  Settings: 'Engines',
};

describe.each(['light', 'dark'] as const)('in %s colours', (colorScheme) => {
  beforeAll(() => page.emulateMedia({ colorScheme }));

  test.each(Object.keys(READY))('%s has no serious finding', async (place) => {
    await page.getByRole('link', { name: place, exact: true }).click();
    await page.getByRole('heading', { name: READY[place] }).first().waitFor();
    expect(await page.locator('html').getAttribute('data-theme')).toBe(colorScheme);
    expect(await findings()).toEqual([]);
  });

  test('the queue and the palette have no serious finding', async () => {
    await page.getByRole('button', { name: /^Queue/ }).click();
    await page.getByRole('heading', { name: 'Queue' }).waitFor();
    expect(await findings()).toEqual([]);
    await page.getByRole('button', { name: 'Close the queue' }).click();
    await page.keyboard.press('Control+k');
    await page.getByRole('dialog').waitFor();
    expect(await findings()).toEqual([]);
    await page.keyboard.press('Escape');
  });

  test('dialogs have no serious finding, and give the focus back', async () => {
    await page.getByRole('link', { name: 'Run', exact: true }).click();
    await page.getByRole('heading', { name: READY['Run'] }).first().waitFor();
    await page.locator('#main').focus();
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor();
    expect(await findings()).toEqual([]);
    await page.keyboard.press('Escape');

    const enlarge = page.getByRole('button', { name: /^Enlarge: Samples/ });
    await enlarge.focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: /^Samples/ }).waitFor();
    expect(await findings()).toEqual([]);
    await page.keyboard.press('Escape');
    await expect.poll(() => enlarge.evaluate((button) => button === button.ownerDocument.activeElement)).toBe(true);

    await page.getByRole('button', { name: 'Export Loss', exact: true }).click();
    await page.getByRole('menuitem', { name: /^PNG/ }).click();
    await page.getByRole('dialog', { name: 'Save as a picture' }).waitFor();
    expect(await findings()).toEqual([]);
    await page.keyboard.press('Escape');
    await expect.poll(() => page.locator(':focus').getAttribute('aria-label')).toBe('Export Loss');
  });
});

test.each(['Design', 'Run', 'Experts', 'Results'])(
  'every chart of %s has a summary in words and a table',
  async (place) => {
    await page.getByRole('link', { name: place, exact: true }).click();
    await page.getByRole('heading', { name: READY[place] }).first().waitFor();
    const frames = page.locator('section:has(canvas)');
    const count = await frames.count();
    expect(count).toBeGreaterThan(0);
    for (let index = 0; index < count; index++) {
      const frame = frames.nth(index);
      const name = (await frame.locator('canvas').getAttribute('aria-label')) ?? '';
      expect(await frame.locator('canvas').getAttribute('role')).toBe('img');
      // The title, then at least one sentence with a number.
      expect(name).toMatch(/^[^.]+\. .*\d.*\. Arrow keys read the points\.$/s);
      await frame.getByRole('button', { name: 'Table' }).click();
      await frame.getByRole('rowheader').first().waitFor();
      await frame.getByRole('button', { name: 'Table' }).click();
    }
  },
);

test('arrow keys read the points of a chart', async () => {
  await page.getByRole('link', { name: 'Design', exact: true }).click();
  const chart = page.getByRole('img', { name: /^Difficulty and groups/ });
  await chart.focus();
  await page.keyboard.press('End');
  const spoken = page.locator('section:has(canvas)').first().locator('[aria-live=polite]');
  await expect.poll(() => spoken.textContent()).toMatch(/^Timestep 49, .* dB, group 1$/);
  await page.keyboard.press('Home');
  await expect.poll(() => spoken.textContent()).toMatch(/^Timestep 0, /);
});

test('every place is reached and left by keyboard alone', async () => {
  await page.keyboard.press('Control+1');
  await page.getByRole('heading', { name: 'Recent projects' }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'Recent projects' }).waitFor();
  await page.keyboard.press('Tab');
  expect(await page.locator(':focus').textContent()).toBe('Skip to the content');
  await page.keyboard.press('Enter');
  expect(await page.locator(':focus').getAttribute('id')).toBe('main');
});

async function findings(): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`);
}
