import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { root } from '../../scripts/lib/processes.mjs';
import { type Theme, Workbench } from './workbench';

const EXPERIMENT = `name: pets-resnet50
trainer:
  command: >-
    python train.py --data-dir pets --model resnet50 --num-classes 37 --epochs 30 --batch-size 64
    --lr 0.1 --reprob 0.25 --output \${run.folder} --experiment out --seed \${seed}
  system: timm
tricks:
  mixup: { alpha: 0.2 }
  ema: { decay: 0.999 }
`;

const SCRIPT = `#!/bin/bash
torchrun --nproc_per_node=2 train.py --data-path pets --model resnet50 --epochs 30 \\
  --lr-scheduler cosineannealinglr --label-smoothing 0.1 --mixup-alpha 0.2 --lr 0.1
`;

let folder = '';
let workbench: Workbench | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bag-of-tricks-command-'));
  await writeFile(join(folder, 'pets.experiment.yaml'), EXPERIMENT);
  await writeFile(join(folder, 'scripted.sh'), SCRIPT);
  await writeFile(join(folder, 'train.py'), 'import torchvision\n');
});

afterEach(async () => {
  await workbench?.close();
  workbench = undefined;
  await rm(folder, { recursive: true, force: true });
});

test.each<Theme>(['light', 'dark'])(
  "a person reads a command's experiment, and studies the tricks of a script (%s)",
  async (theme) => {
    workbench = await Workbench.open({ folder: relative(root, folder), theme });
    const { page } = workbench;
    await workbench.openFile('pets.experiment.yaml');
    await workbench.lenses(/^\s*Remove mixup\s*$/).waitFor();
    await workbench.lenses('Find out which tricks pay here').waitFor();
    await workbench.screenshot(`command-experiment-${theme}`);

    const editor = page.locator('.editor-group-container.active .view-lines');
    await editor.getByText('mixup').first().hover();
    await page.locator('.monaco-hover:visible').getByText('--mixup 0.2').waitFor();
    await workbench.screenshot(`command-hover-${theme}`);
    await page.keyboard.press('Escape');

    await workbench.openFile('scripted.sh');
    await workbench.lenses('Run here').waitFor();
    await workbench.lenses('Find out which tricks pay here').waitFor();
    await workbench.screenshot(`command-script-${theme}`);

    await workbench.clickLens('Find out which tricks pay here');
    const rows = workbench.quickPickRows();
    // The tricks of the script's options are selected.
    for (const trick of ['Cosine decay', 'Label smoothing', 'Mixup']) {
      const row = rows.filter({ hasText: trick }).filter({ hasText: 'in the experiment' }).first();
      await row.waitFor();
      expect(await row.getByRole('checkbox').first().isChecked()).toBe(true);
    }
    await workbench.screenshot(`command-tricks-${theme}`);
    await page.keyboard.press('Enter');
    await rows
      .filter({ hasText: /\d+ runs/ })
      .first()
      .click();
    await page.getByRole('tab', { name: /scripted\.study\.yaml/ }).waitFor();
    await workbench.lenses('Run study').first().waitFor();
    // Away from the tab, whose tooltip would cover the lens.
    await page.mouse.move(700, 600);
    await page.locator('.workbench-hover:visible').waitFor({ state: 'hidden' });
    expect(await workbench.editorText()).toMatch(/ {2}- cosine_decay[\s\S]* {2}- mixup/);
    await workbench.screenshot(`command-study-${theme}`);
    // Quick open may not know the new file yet.
    await page
      .locator('.explorer-folders-view .monaco-list-row', { hasText: 'scripted.experiment.yaml' })
      .click();
    await workbench.lenses(/^\s*Remove mixup\s*$/).waitFor();
    await workbench.screenshot(`command-written-${theme}`);
  },
);
