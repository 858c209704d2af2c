import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { root } from '../../scripts/lib/processes.mjs';
import { Workbench } from './workbench';

/** A one-second experiment on a few synthetic images. */
const EXPERIMENT = `name: studied
data: { dataset: synthetic, train_images: 128, validation_images: 60, height: 8, width: 8, classes: 3, batch_size: 16 }
model: { name: resnet8, width: 2 }
optimizer: { name: sgd, base_lr: 0.1 }
schedule: { epochs: 1, decay: cosine }
engine: wasm
`;

let folder = '';
let workbench: Workbench | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bag-of-tricks-study-'));
  await writeFile(join(folder, 'studied.experiment.yaml'), EXPERIMENT);
});

afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') await workbench?.screenshot('study-failed').catch(() => {});
  await workbench?.close();
  workbench = undefined;
  await rm(folder, { recursive: true, force: true });
});

test('a person asks which of two tricks help, runs the study and reads its verdicts', async () => {
  workbench = await Workbench.open({
    folder: relative(root, folder),
    theme: 'light',
    settings: {
      'window.autoDetectColorScheme': true,
      'workbench.preferredLightColorTheme': 'Default Light Modern',
      'workbench.preferredDarkColorTheme': 'Default Dark Modern',
    },
  });
  const { page } = workbench;
  await workbench.openFile('studied.experiment.yaml');
  await workbench.clickLens('Find out which tricks pay here');

  const rows = workbench.quickPickRows();
  await rows.filter({ hasText: 'Label smoothing' }).first().waitFor();
  const all = page.locator('.quick-input-widget .quick-input-header').getByRole('checkbox').first();
  // The first click selects all, the second selects none.
  await all.click();
  await all.click();
  const input = page.locator('.quick-input-widget input.input');
  for (const trick of ['Zero gamma', 'Label smoothing']) {
    await input.fill(trick);
    await rows.filter({ hasText: trick }).first().click();
  }
  await input.fill('');
  await page.locator('.quick-input-widget .quick-input-count', { hasText: '2' }).waitFor();
  await workbench.screenshot('study-tricks-light');
  await page.keyboard.press('Enter');

  await rows.filter({ hasText: '8 runs' }).first().waitFor();
  await workbench.screenshot('study-budgets-light');
  await rows.filter({ hasText: '8 runs' }).first().click();
  await page.getByRole('tab', { name: /studied\.study\.yaml/ }).waitFor();
  await workbench.lenses('Run study').first().waitFor();
  expect(await workbench.editorText()).toMatch(/factors:/);
  await workbench.screenshot('study-file-light');

  await workbench.clickLens('Run study');
  // Eight runs cannot detect small effects, which is reported before anything starts.
  const runAnyway = page.getByRole('button', { name: 'Run anyway' });
  // Toasts move when another one comes or goes. The workbench does not dismiss one under the pointer.
  await runAnyway.hover();
  await runAnyway.click();
  await runAnyway.waitFor({ state: 'hidden' });
  const frame = workbench.panelFrame();
  await frame.getByText('zero_gamma').first().waitFor();
  await frame.getByText('8 of 8 runs').first().waitFor();
  await frame.getByText('Done').first().waitFor();
  await frame
    .getByRole('img', { name: /zero_gamma/ })
    .first()
    .waitFor();
  await page
    .getByRole('tab', { name: /^Bag of Tricks/ })
    .first()
    .click();
  await page.locator('.pane-body .monaco-list-row', { hasText: 'studied' }).first().waitFor();
  await workbench.screenshot('study-tab-light');
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.locator('.monaco-workbench.vs-dark').waitFor();
  await workbench.screenshot('study-tab-dark');
});
