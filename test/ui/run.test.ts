import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type Theme, Workbench } from './workbench';

const EXAMPLE = 'first-steps.experiment.yaml';

let workbench: Workbench | undefined;

afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') await workbench?.screenshot('failed').catch(() => {});
  await workbench?.close();
  workbench = undefined;
});

test.each<Theme>(['light', 'dark'])(
  'a person inserts a trick by its lens, runs the example, sees the loss fall and the accuracy in the side bar (%s)',
  async (theme) => {
    workbench = await Workbench.open({ folder: 'examples', theme });
    const { page } = workbench;
    // Only as many epochs as the test looks at.
    const file = join(workbench.folder, EXAMPLE);
    await writeFile(file, (await readFile(file, 'utf8')).replace('epochs: 6', 'epochs: 2'));
    await workbench.openFile(EXAMPLE);
    for (const trick of [
      /^\s*Linear scaling from 256\s*$/,
      /^\s*Warmup [\d.]+ epoch/,
      /^\s*Zero gamma\s*$/,
      /^\s*No bias decay\s*$/,
    ]) {
      await workbench.lenses(trick).waitFor();
    }
    await workbench.screenshot(`lenses-${theme}`);

    await workbench.clickLens(/^\s*More tricks\.\.\./);
    // The tricks depend on the line of the lens.
    await workbench
      .quickPickRows()
      .filter({ hasText: /Random erasing|Stochastic depth|LAMB/ })
      .first()
      .waitFor();
    await workbench.screenshot(`more-tricks-${theme}`);
    await page.keyboard.press('Escape');

    await workbench.clickLens(/^\s*Warmup [\d.]+ epoch/);
    await workbench.lenses(/^\s*Remove warmup/).waitFor();
    expect(await workbench.editorText()).toContain('tricks:\n  warmup:');

    await workbench.clickLens(/^\s*Run\s*$/);
    const panel = workbench.panelFrame();
    const loss = panel.getByRole('img', { name: /^Loss over .*training \d/ });
    await loss.waitFor();
    const first = await trainingLoss(() => loss.getAttribute('aria-label'));
    await panel
      .getByText(/WebAssembly/)
      .first()
      .waitFor();
    // The curve has advanced a little.
    await expect.poll(() => trainingLoss(() => loss.getAttribute('aria-label'))).not.toBe(first);
    await workbench.screenshot(`running-${theme}`);

    await panel
      .getByText(/^Done$/)
      .first()
      .waitFor();
    const last = await trainingLoss(() => loss.getAttribute('aria-label'));
    expect(last).toBeLessThan(first);

    await page.getByRole('tab', { name: 'Bag of Tricks' }).first().click();
    const run = workbench.treeRows('Experiments').filter({ hasText: /\d%/ }).first();
    await run.waitFor();
    expect(await run.textContent()).toMatch(/\d+\.\d\d%/);
    await workbench.screenshot(`done-${theme}`);

    expect(await readFile(join(workbench.folder, EXAMPLE), 'utf8')).toContain('warmup:');
  },
);

/** Reads the latest training loss from the chart's accessible name. */
async function trainingLoss(label: () => Promise<string | null>): Promise<number> {
  for (;;) {
    const [, value] = /training (\d+(?:\.\d+)?)/.exec((await label()) ?? '') ?? [];
    if (value !== undefined) return Number(value);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
