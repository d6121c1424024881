import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Page } from 'playwright-core';
import { HOSTS, makeTinyProject, openProject, type Studio } from './studio.js';

/** From an empty window to a report, as a person goes: every number comes from a real run. */

describe.each(HOSTS)('$name', ({ name, missing, open }) => {
  if (missing !== null) process.stderr.write(`the journey ${name} is skipped: ${missing}\n`);

  describe.skipIf(missing !== null)(missing === null ? 'the journey' : `the journey (skipped: ${missing})`, () => {
    let studio: Studio;
    let page: Page;

    beforeAll(async () => {
      studio = await open();
      page = studio.page;
    });
    afterEach(async ({ task }) => {
      if (task.result?.state === 'fail') await page.screenshot({ path: `test-results/${task.name.slice(0, 40)}.png` });
    });
    afterAll(() => studio.close());

    /** What one item of the export menu saves. */
    async function exported(group: string, item: string): Promise<string> {
      await page.getByRole('button', { name: 'Export', exact: true }).click();
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('group', { name: group }).getByRole('menuitem', { name: item, exact: true }).click(),
      ]);
      return readFile(await download.path(), 'utf8');
    }
    const border = (index: number) => page.getByRole('slider', { name: `Border ${index}` });
    const borderAt = async (index: number) => Number(await border(index).getAttribute('aria-valuenow'));
    const saved = () => page.getByText('All edits are saved').waitFor();

    test('a project from a preset opens in the design', async () => {
      await page.getByText('Nothing here yet').waitFor();
      await page.getByLabel('Name').fill('first try');
      await page.getByRole('button', { name: 'Make the project' }).click();
      await page.getByRole('heading', { name: 'first try', level: 1 }).waitFor();
      await border(4).waitFor();
      expect(await page.getByRole('slider').count()).toBe(4);
    });

    test('a border moves by keyboard; the plan, the file and undo follow', async () => {
      const before = await borderAt(1);
      await border(1).focus();
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('Shift+ArrowRight');
      await expect.poll(() => borderAt(1)).toBe(before + 11);
      await expect
        .poll(() => page.getByLabel('Borders, timesteps').inputValue())
        .toMatch(new RegExp(`^${before + 11},`));
      await page.getByText('Set by hand.').waitFor();
      await saved();
      const file = JSON.parse(await readFile(`${studio.folder}/first try/first try.stepadapt`, 'utf8')) as {
        config: { grouping: { bounds: number[] } };
      };
      expect(file.config.grouping.bounds[1]).toBe(before + 11);

      await page.getByRole('button', { name: 'Undo' }).click();
      await page.getByRole('button', { name: 'Undo' }).click();
      await expect.poll(() => borderAt(1)).toBe(before);
      await page.getByText('Found by the method').waitFor();
    });

    test('a border is dragged by mouse, as one step of undo', async () => {
      const before = await borderAt(2);
      await border(2).scrollIntoViewIfNeeded();
      const box = await border(2).boundingBox();
      if (box === null) throw new Error('the border is not in view');
      await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
      await page.mouse.down();
      await page.mouse.move(box.x + 60, box.y + box.height / 2, { steps: 8 });
      await page.mouse.up();
      await expect.poll(() => borderAt(2)).toBeGreaterThan(before + 20);
      await page.getByRole('button', { name: 'Undo' }).click();
      await expect.poll(() => borderAt(2)).toBe(before);
    });

    test('an impossible value explains itself in place and the file keeps the last valid one', async () => {
      const mean = page.getByLabel('Mean compute');
      await mean.fill('1.7');
      await mean.press('Enter');
      await expect.poll(() => mean.getAttribute('aria-invalid')).toBe('true');
      await page.getByText('Not saved: the file keeps the last valid experiment').waitFor();
      await mean.fill('0.7');
      await mean.press('Enter');
      await saved();
      await page.getByText('70.0 % of the base').first().waitFor();
    });

    test('the palette finds places by typing', async () => {
      await page.keyboard.press('Control+k');
      await page.getByRole('dialog').getByLabel('Find a command').fill('settings');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Settings', level: 1 }).waitFor();
    });

    test('a run goes from data to results, through a pause and a reload', async () => {
      const path = await makeTinyProject(studio.folder, 'tiny', { 'base.steps': 60, 'base.checkpointEvery': 10 });
      await openProject(page, path);
      await page.getByRole('button', { name: 'Start the run' }).click();
      await page.getByRole('button', { name: 'Pause' }).click();
      await page.getByRole('button', { name: 'Resume' }).waitFor();

      await page.reload();
      await page.getByRole('button', { name: 'Resume' }).click();
      await page.getByRole('link', { name: 'See the results' }).waitFor({ timeout: 360_000 });
      expect(await page.getByRole('list', { name: 'Stages' }).getByText('done', { exact: true }).count()).toBe(7);

      const loss = page.getByRole('region', { name: 'Loss', exact: true });
      await loss.getByLabel('Over what').selectOption('Training time');
      await loss.getByRole('button', { name: 'Log x' }).click();
      await loss.getByLabel('What is shown').selectOption('Gradient norm');
      await loss.getByRole('img', { name: /Gradient norm\. Base: from/ }).waitFor();
      await loss.getByLabel('What is shown').selectOption('Denoising loss');
      await loss.getByRole('button', { name: 'Table' }).click();
      await loss.getByRole('cell', { name: '60', exact: true }).waitFor();

      const kept = page.getByRole('region', { name: 'Checkpoints', exact: true });
      await kept.getByRole('rowheader', { name: 'Base' }).waitFor();
      // What a later page reads was written while the run went on.
      await page.getByRole('log').getByText('evaluation: done').waitFor();
    });

    test("samples are drawn on demand, from a seed of one's own", async () => {
      const panel = page.getByRole('region', { name: 'Samples' });
      await panel.getByLabel('Seed').fill('7');
      await panel.getByLabel('Images').selectOption('4');
      await panel.getByRole('button', { name: 'Sample now' }).click();
      const grid = panel.getByRole('img', { name: 'Samples: Step-adaptive experts, seed 7, 4 images' });
      await grid.waitFor();
      await expect
        .poll(() => grid.evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth))
        .toBe(4 * 65 + 1);
      await panel.getByRole('button', { name: /^Enlarge/ }).click();
      await page.getByRole('dialog').getByRole('img').waitFor();
      await page.keyboard.press('Escape');
      await page.reload();
      await panel.getByLabel('Which samples').selectOption('On demand');
      await grid.waitFor();
    });

    test('experts show what was pruned', async () => {
      await page.getByRole('link', { name: 'Experts' }).click();
      await page.getByRole('tab', { name: /Expert 1/ }).click();
      await page.getByRole('heading', { name: 'Held-out loss' }).waitFor();
      await page.getByRole('heading', { name: 'Kept channels by layer' }).waitFor();
      await page.getByRole('img', { name: /^Importance of channels\. .* are kept/ }).waitFor();
      await page.getByRole('img', { name: /^Loss by timestep\. Held-out loss at/ }).waitFor();
      await page.getByRole('img', { name: 'Samples with the tuned expert' }).scrollIntoViewIfNeeded();
      const shown = () =>
        page
          .getByRole('img', { name: /^Samples with/ })
          .evaluateAll((images) =>
            images.map((image) => (image as unknown as { naturalWidth: number }).naturalWidth > 0),
          );
      await expect.poll(shown).toEqual([true, true, true]);
      await page
        .getByRole('region', { name: 'Dependency groups' })
        .getByRole('cell', { name: /conv1\.weight/ })
        .first()
        .waitFor();
    });

    test('one click makes the report; tables and figures are exported', async () => {
      await page.getByRole('link', { name: 'Results' }).click();
      await page.getByRole('cell', { name: '100.0 %' }).first().waitFor();
      await page.getByRole('button', { name: 'Make a report' }).click();
      await page.getByRole('button', { name: 'Make a report' }).waitFor();
      const href = await page.getByRole('link', { name: 'Open the report' }).getAttribute('href');
      expect(await page.evaluate(async (url) => (await fetch(url)).text(), href ?? '')).toContain('tiny');

      const csv = await exported('Tables, CSV', 'metrics');
      expect(csv.split('\n').length).toBeGreaterThan(60);
      expect(csv).toMatch(/^stage,step,loss/);
      expect(await exported('Figures, SVG', 'quality')).toMatch(/^<svg[^>]*xmlns=/);
      expect(await exported('The whole report', 'HTML')).toContain('<!doctype html>');
    });

    test('a chart is saved as a picture of the size that was asked for', async () => {
      await page.getByRole('button', { name: 'Export Quality against compute' }).click();
      await page.getByRole('menuitem', { name: /^PNG/ }).click();
      const dialog = page.getByRole('dialog', { name: 'Save as a picture' });
      await dialog.getByLabel('Width').fill('99');
      expect(await dialog.getByRole('button', { name: 'Save PNG' }).isDisabled()).toBe(true);
      await dialog.getByLabel('Width').fill('2000');
      await dialog.getByLabel('Height').fill('900');
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        dialog.getByRole('button', { name: 'Save PNG' }).click(),
      ]);
      const png = await readFile(await download.path());
      expect([png.toString('latin1', 1, 4), png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual(['PNG', 2000, 900]);
    });

    test('notes and tags are kept, and the first page finds a project by them', async () => {
      await page.getByLabel('What to remember of this project').fill('steps are few');
      await page.getByLabel('Tags').fill('paper, ablation');
      await page.getByLabel('Orange').check();
      await page.getByRole('region', { name: 'Notes' }).getByText('Saved').waitFor();
      await page.reload();
      await expect.poll(() => page.getByLabel('Tags').inputValue()).toBe('paper, ablation');
      expect(await page.getByLabel('Orange').isChecked()).toBe(true);
      await page.getByRole('link', { name: 'Start' }).click();
      await page.getByRole('list', { name: 'Tags of tiny' }).getByText('ablation').waitFor();
      await page.getByText('steps are few').waitFor();
      await page.getByRole('link', { name: 'Results' }).click();
    });

    test('the finished project is on the first page and opens with its results', async () => {
      await page.getByRole('link', { name: 'Start' }).click();
      await page.getByRole('link', { name: 'tiny' }).click();
      await page.getByRole('heading', { name: 'Comparison' }).waitFor();
    });

    test('nothing went wrong in the page', () => {
      expect(studio.complaints).toEqual([]);
    });
  });
});
