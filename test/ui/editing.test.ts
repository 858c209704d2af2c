import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { root } from '../../scripts/lib/processes.mjs';
import { type Theme, Workbench } from './workbench';

const EXPERIMENT = `# A large batch, and one trick.
name: large-batch
data:
  dataset: fashion-mnist-sample
  batch_size: 1024
model: { name: resnet20 }
optimizer:
  base_lr: 0.1
  weight_decay: 0.0001
schedule:
  epochs: 20
tricks:
  linear_scaling: { base_batch_size: 256 }
`;

let folder = '';
let workbench: Workbench | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bag-of-tricks-editing-'));
  await writeFile(join(folder, 'large.experiment.yaml'), EXPERIMENT);
});

afterEach(async () => {
  await workbench?.close();
  workbench = undefined;
  await rm(folder, { recursive: true, force: true });
});

test.each<Theme>(['light', 'dark'])(
  'a person reads about a trick and the derived numbers, and applies the advice (%s)',
  async (theme) => {
    workbench = await Workbench.open({ folder: relative(root, folder), theme });
    const { page } = workbench;
    await workbench.openFile('large.experiment.yaml');
    await workbench.lenses(/^\s*Remove linear scaling\s*$/).waitFor();
    const editor = page.locator('.editor-group-container.active .view-lines');
    await editor.getByText('= scaled to 0.4').waitFor();

    await editor.getByText('linear_scaling').hover();
    await page.locator('.monaco-hover:visible').getByText('Measured here: not yet measured.').waitFor();
    await workbench.screenshot(`hover-${theme}`);
    await page.keyboard.press('Escape');

    await editor.getByText('1024').click();
    await page.keyboard.press('Control+.');
    const actions = page.locator('.action-widget:visible');
    await actions.getByText('Apply all advised tricks').waitFor();
    await workbench.screenshot(`advice-${theme}`);
    await actions.getByText('Apply all advised tricks').click();
    await workbench.lenses(/^\s*Remove warmup/).waitFor();
    expect(await workbench.editorText()).toMatch(/warmup: \{ epochs: 1/);

    await workbench.runCommand('Show what a trick changes...');
    await workbench.quickPickRows().filter({ hasText: 'Zero gamma' }).first().click();
    const line = (side: 'original' | 'modified', text: string) =>
      page.locator(`.monaco-diff-editor .editor.${side} .view-line`).filter({ hasText: text });
    await line('modified', '"zero_gamma"').waitFor();
    await line('original', '"warmup"').waitFor();
    expect(await line('original', '"zero_gamma"').count()).toBe(0);
    await workbench.screenshot(`recipe-diff-${theme}`);
  },
);

const JSONC = `{
  // The same in JSON.
  "name": "large-batch",
  "data": { "dataset": "fashion-mnist-sample", "batch_size": 1024 },
  "model": { "name": "resnet20" },
  "optimizer": { "base_lr": 0.1, "weight_decay": 0.0001 },
  "schedule": { "epochs": 20 },
  "tricks": {
    "linear_scaling": { "base_batch_size": 256 },
    "mixup": true
  }
}
`;

/** The args that timm's train.py saves with a run. */
const TIMM_ARGS = `aa: rand-m7-mstd0.5
amp: false
batch_size: 1024
clip_grad: null
drop_path: null
epochs: 100
lr: 0.1
mixup: 0.0
model: resnet50
model_ema: false
opt: sgd
sched: cosine
smoothing: 0.1
warmup_epochs: 5
weight_decay: 0.0001
`;

test.each<Theme>(['light', 'dark'])(
  'a person configures a trick, completes another, sees a mistake, and finds the same in JSON and in timm (%s)',
  async (theme) => {
    await writeFile(join(folder, 'large.experiment.jsonc'), JSONC);
    await writeFile(join(folder, 'args.yaml'), TIMM_ARGS);
    workbench = await Workbench.open({ folder: relative(root, folder), theme });
    const { page } = workbench;
    await workbench.openFile('large.experiment.jsonc');
    await workbench.lenses(/^\s*Remove mixup/).waitFor();
    await workbench.lenses(/^\s*Configure mixup\.\.\./).waitFor();
    await workbench.screenshot(`lenses-jsonc-${theme}`);

    await workbench.openFile('args.yaml');
    await workbench.lenses(/^\s*Read as timm\s*$/).waitFor();
    // timm does this by default.
    await workbench.lenses(/^\s*Remove no bias decay\s*$/).waitFor();
    await workbench.screenshot(`lenses-timm-${theme}`);

    await workbench.openFile('large.experiment.yaml');
    await workbench.lenses(/^\s*Warmup 1 epoch\s*$/).waitFor();
    await workbench.screenshot(`lenses-yaml-${theme}`);
    await workbench.clickLens(/^\s*More tricks\.\.\./);
    await workbench.quickPickRows().first().waitFor();
    await workbench.screenshot(`more-tricks-of-a-line-${theme}`);
    await page.keyboard.press('Escape');

    await workbench.clickLens(/^\s*Warmup 1 epoch\s*$/);
    await workbench.clickLens(/^\s*Configure warmup\.\.\./);
    const input = page.locator('.quick-input-widget input.input');
    await workbench.quickPickRows().filter({ hasText: 'Epochs of warmup.' }).waitFor();
    await workbench.screenshot(`configure-${theme}`);
    await workbench.quickPickRows().filter({ hasText: 'Epochs of warmup' }).first().click();
    await page.getByText('Configure warmup: epochs').waitFor();
    await input.fill('50');
    await page.getByText('Warmup of 50 epochs is longer than the training of 20.').first().waitFor();
    await workbench.screenshot(`configure-refused-${theme}`);
    await input.fill('2');
    await page.keyboard.press('Enter');
    await expect.poll(() => workbench?.editorText()).toMatch(/warmup: \{ epochs: 2\b/);
    await workbench.clickLens(/^\s*Configure warmup\.\.\./);
    await workbench.quickPickRows().filter({ hasText: 'Whether the learning rate rises' }).first().click();
    await workbench.quickPickRows().filter({ hasText: 'epoch' }).last().waitFor();
    await workbench.screenshot(`configure-choices-${theme}`);
    await workbench.quickPickRows().filter({ hasText: 'epoch' }).last().click();
    await expect.poll(() => workbench?.editorText()).toMatch(/warmup: \{ epochs: 2.*, update: epoch \}/);

    await page.keyboard.press('Control+End');
    await page.keyboard.type('  ');
    await page.keyboard.press('Control+Space');
    await page.locator('.suggest-widget .monaco-list-row').filter({ hasText: 'zero_gamma' }).waitFor();
    await page.keyboard.press('ArrowDown');
    await workbench.screenshot(`completion-${theme}`);
    await page.keyboard.press('Enter');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+End');
    // The editor indents a new line like the one above.
    await page.keyboard.press('Enter');
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.type('sed: 3');
    await page.locator('.squiggly-error').first().waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Home');
    await page.keyboard.press('Control+.');
    const fix = page.locator('.action-widget:visible').getByText('Write seed');
    await fix.waitFor();
    await workbench.screenshot(`quick-fix-${theme}`);
    await fix.click();
    await expect.poll(() => workbench?.editorText()).toMatch(/^seed: 3$/m);

    await workbench.clickLens(/^\s*Recipe\s*$/);
    await page.getByText('"stepsPerEpoch"').first().or(page.getByText('"tricks"').first()).waitFor();
    await workbench.screenshot(`recipe-${theme}`);
  },
);

test('without trust a person can edit but not run, and is told why', async () => {
  workbench = await Workbench.open({ folder: relative(root, folder), theme: 'light', trusted: false });
  await workbench.openFile('large.experiment.yaml');
  await workbench.lenses(/Cannot run: the workspace is not trusted/).waitFor();
  await workbench.clickLens(/^\s*Zero gamma\s*$/);
  await workbench.lenses(/^\s*Remove zero gamma/).waitFor();
  await workbench.screenshot('untrusted-light');
  await workbench.clickLens(/Cannot run: the workspace is not trusted/);
  await workbench.page.getByText('Restricted Mode').first().waitFor();
});
