import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { root } from '../../scripts/lib/processes.mjs';
import { allowedFoldersPath } from '../../src/system/allowedFolders';
import { type Theme, Workbench } from './workbench';

const experimentText = (path: string) => `# Drawings of three kinds.
name: drawings
data:
  dataset: image_folder
  path: ${path}
  image_size: 32
  batch_size: 16
  augment: [{ step: random_resized_crop, area: [0.35, 1] }, flip, color_jitter]
model: { name: resnet8 }
optimizer:
  base_lr: 0.05
schedule: { epochs: 3 }
tricks:
  warmup: { epochs: 1 }
engine: wasm
`;

/** Copies some of the drawings that ship with the examples, from three classes. */
async function copyDrawings(folder: string): Promise<void> {
  for (const name of ['animals', 'flags', 'food']) {
    const from = join(root, 'examples/clipart', name);
    await mkdir(join(folder, name), { recursive: true });
    const drawings = (await readdir(from)).sort().slice(0, name === 'food' ? 10 : 40);
    for (const drawing of drawings) await cp(join(from, drawing), join(folder, name, drawing));
  }
}

let folder = '';
let outside = '';
let workbench: Workbench | undefined;

beforeEach(async () => {
  await rm(allowedFoldersPath(), { force: true });
  folder = await mkdtemp(join(tmpdir(), 'bag-of-tricks-drawings-'));
  outside = await mkdtemp(join(tmpdir(), 'bag-of-tricks-outside-'));
  await copyDrawings(join(folder, 'drawings'));
  await copyDrawings(join(outside, 'pictures'));
  await writeFile(join(folder, 'drawings.experiment.yaml'), experimentText('drawings'));
  await writeFile(join(folder, 'outside.experiment.yaml'), experimentText(join(outside, 'pictures')));
});

afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') await workbench?.screenshot('failed').catch(() => {});
  await workbench?.close();
  workbench = undefined;
  for (const made of [folder, outside]) await rm(made, { recursive: true, force: true });
});

test.each<Theme>(['light', 'dark'])(
  'a person indexes images, inspects them and their augmented samples, trains and classifies with the run (%s)',
  async (theme) => {
    workbench = await Workbench.open({ folder: relative(root, folder), theme });
    const { page } = workbench;
    await workbench.openFile('drawings.experiment.yaml');
    await workbench.lenses(/^\s*Index the data/).waitFor();
    await workbench.lenses(/^\s*Remove warmup\s*$/).waitFor();
    await workbench.screenshot(`data-unindexed-${theme}`);

    await workbench.clickLens(/^\s*Index the data/);
    const summary = workbench.toasts().filter({ hasText: '90 images in 3 classes.' });
    await summary.waitFor();
    // The workbench does not dismiss a toast under the pointer.
    await summary.hover();
    await workbench.lenses(/^\s*Augmented samples/).waitFor();
    const editor = page.locator('.editor-group-container.active .view-lines');
    await editor.getByText('80 + 10 images, 3 classes, short edge 64').waitFor();
    await workbench.screenshot(`data-indexed-${theme}`);

    await summary.getByRole('button', { name: 'Show' }).click();
    const report = workbench.panelFrame();
    await report.getByRole('heading', { name: 'Classes' }).waitFor();
    await report.getByRole('cell', { name: 'flags' }).waitFor();
    await workbench.screenshot(`data-report-${theme}`);

    await workbench.openFile('drawings.experiment.yaml');
    await workbench.clickLens(/^\s*Augmented samples/);
    await page.getByRole('tab', { name: /augmented\.png/ }).waitFor();
    await page
      .frameLocator('iframe.webview.ready >> nth=-1')
      .frameLocator('#active-frame')
      .locator('img')
      .waitFor();
    await workbench.screenshot(`data-samples-${theme}`);

    await workbench.clickLens(/^\s*Run\s*$/);
    await workbench.lenses(/^\s*Open last run \(\d/).waitFor();
    await workbench.runCommand('Classify an image with this run...');
    // After the dialog has listed its folder, it writes that folder into the input.
    await workbench.quickPickRows().filter({ hasText: 'drawings' }).first().waitFor();
    const input = page.locator('.quick-input-widget input.input');
    const image = join(workbench.folder, 'drawings/flags/003.jpg');
    await input.fill(image);
    await workbench.quickPickRows().filter({ hasText: '003.jpg' }).waitFor();
    await expect.poll(() => input.inputValue()).toBe(image);
    await page.getByRole('button', { name: 'Classify' }).click();
    await page.getByRole('tab', { name: 'drawings: classified images' }).waitFor();
    const classified = page
      .frameLocator('iframe.webview.ready >> nth=-1')
      .frameLocator('#active-frame')
      .getByRole('row');
    await classified.first().waitFor();
    await expect.poll(() => classified.count()).toBe(3);
    await workbench.screenshot(`data-classified-${theme}`);
  },
);

test.each<Theme>(['light', 'dark'])(
  'a person is asked before images outside the open folder are read (%s)',
  async (theme) => {
    workbench = await Workbench.open({ folder: relative(root, folder), theme });
    const { page } = workbench;
    await workbench.openFile('outside.experiment.yaml');
    await workbench.clickLens(/^\s*Index the data/);
    const question = workbench.toasts().filter({ hasText: 'Allow experiments to read that folder?' });
    await question.waitFor();
    await question.hover();
    await workbench.screenshot(`data-consent-${theme}`);
    await question.getByRole('button', { name: 'Allow' }).click();
    await workbench.toasts().filter({ hasText: '90 images in 3 classes.' }).waitFor();

    await workbench.runCommand('Manage allowed folders...');
    const row = workbench.quickPickRows().filter({ hasText: 'pictures' });
    await row.waitFor();
    await workbench.screenshot(`data-allowed-${theme}`);
    await row.click();
    await page.getByRole('button', { name: 'OK' }).click();
    await workbench.toasts().filter({ hasText: 'No longer allowed: ' }).waitFor();

    await workbench.runCommand('New experiment file...');
    await workbench.quickPickRows().filter({ hasText: 'From a folder of images...' }).waitFor();
    await workbench.screenshot(`data-new-${theme}`);
  },
);
