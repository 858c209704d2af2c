/**
 * A study of three tricks of timm's own train.py, from a lens on its args.yaml to the verdicts, on the drawings of
 * examples/clipart and the CPU. It takes about a quarter of an hour, so it runs only if these variables are set:
 * BAG_OF_TRICKS_TIMM is a checkout of timm, and BAG_OF_TRICKS_PYTHON a Python that has timm and PyTorch.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, expect, test } from 'vitest';
import { root } from '../../scripts/lib/processes.mjs';
import { Workbench } from './workbench';

const { BAG_OF_TRICKS_TIMM: checkout = '', BAG_OF_TRICKS_PYTHON: python = '' } = process.env;
const STUDY_MS = 2 * 60 * 60_000;
const TRICKS = ['Label smoothing', 'Mixup', 'Random erasing'];

let folder = '';
let workbench: Workbench | undefined;

afterEach(async () => {
  await workbench?.close();
  workbench = undefined;
  if (folder) await rm(folder, { recursive: true, force: true });
});

/** Copies the drawings, one in five of each class for validation. */
async function copyDrawings(to: string): Promise<void> {
  const drawings = join(root, 'examples/clipart');
  for (const name of await readdir(drawings)) {
    for (const [at, picture] of (await readdir(join(drawings, name))).sort().entries()) {
      const target = join(to, at % 5 === 4 ? 'val' : 'train', name);
      await mkdir(target, { recursive: true });
      await cp(join(drawings, name, picture), join(target, picture));
    }
  }
}

/** Trains once by hand, as a person did before. It leaves args.yaml. */
async function trainOnce(workspace: string): Promise<void> {
  const images = ['--data-dir', 'clipart', '--val-split', 'val', '--num-classes', '7', '--img-size', '64'];
  const network = ['--model', 'test_resnet', '--epochs', '10', '--batch-size', '32', '--lr', '0.1'];
  const machine = ['--device', 'cpu', '--workers', '1', '--log-interval', '5', '--warmup-epochs', '2'];
  const output = ['--output', 'output', '--experiment', 'first'];
  await promisify(execFile)(python, ['train.py', ...images, ...network, ...machine, ...output], {
    cwd: workspace,
  });
}

test.skipIf(!checkout || !python)(
  'a person finds out which tricks of timm pay, from a lens on args.yaml to the verdicts',
  async () => {
    folder = await mkdtemp(join(tmpdir(), 'bag-of-tricks-timm-'));
    for (const name of ['train.py', 'timm']) {
      await cp(join(checkout, name), join(folder, name), { recursive: true });
    }
    await copyDrawings(join(folder, 'clipart'));
    await trainOnce(folder);
    workbench = await Workbench.open({
      folder: relative(root, folder),
      theme: 'light',
      settings: {
        'bagOfTricks.python': python,
        'window.autoDetectColorScheme': true,
        'workbench.preferredLightColorTheme': 'Default Light Modern',
        'workbench.preferredDarkColorTheme': 'Default Dark Modern',
      },
    });
    const { page } = workbench;
    await workbench.openFile('args.yaml');
    await workbench.lenses('Find out which tricks pay here').first().waitFor();
    await workbench.screenshot('timm-args-light');
    await workbench.clickLens('Find out which tricks pay here');

    const rows = workbench.quickPickRows();
    await rows.filter({ hasText: 'Mixup' }).first().waitFor();
    await workbench.screenshot('timm-tricks-light');
    const all = page.locator('.quick-input-widget .quick-input-header').getByRole('checkbox').first();
    // The first click selects all, the second selects none.
    await all.click();
    await all.click();
    const input = page.locator('.quick-input-widget input.input');
    for (const trick of TRICKS) {
      await input.fill(trick);
      await rows.filter({ hasText: trick }).first().click();
    }
    await input.fill('');
    await page.locator('.quick-input-widget .quick-input-count', { hasText: '3' }).waitFor();
    await page.keyboard.press('Enter');
    await rows.filter({ hasText: '16 runs' }).first().click();
    await page.getByRole('tab', { name: /args\.study\.yaml/ }).waitFor();
    await workbench.lenses('Run study').first().waitFor();
    await workbench.screenshot('timm-study-file-light');

    await workbench.openFile('args.experiment.yaml');
    await workbench.lenses('Run').first().waitFor();
    await workbench.screenshot('timm-experiment-light');
    await page.getByRole('tab', { name: /args\.study\.yaml/ }).click();

    await workbench.clickLens('Run study');
    await page.getByRole('button', { name: 'Run anyway' }).click();
    const frame = workbench.panelFrame();
    await frame.getByText('16 of 16 runs').first().waitFor({ timeout: STUDY_MS });
    await frame.getByText('Done').first().waitFor({ timeout: STUDY_MS });
    await workbench.screenshot('timm-study-light');
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.locator('.monaco-workbench.vs-dark').waitFor();
    await workbench.screenshot('timm-study-dark');

    const studies = join(workbench.folder, 'output/first/.bag-of-tricks/studies');
    const [id = ''] = await readdir(studies);
    const saved = join(root, 'test/artifacts/timm-study');
    await cp(join(studies, id), saved, { recursive: true });
    const record = JSON.parse(await readFile(join(saved, 'study.json'), 'utf8'));
    expect(record.runs).toHaveLength(16);
  },
  STUDY_MS,
);
