import { existsSync } from 'node:fs';
import { lstat, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { enginesEnvironment } from '../../scripts/lib/engines.mjs';
import { type Theme, Workbench } from './workbench';

const installed = join(enginesEnvironment.BAG_OF_TRICKS_ENGINES, 'tensorflow');
const before = process.env.BAG_OF_TRICKS_ENGINES;
/** The folder where this workbench installs engines. */
let folder = '';
let workbench: Workbench | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bag-of-tricks-engines-'));
  process.env.BAG_OF_TRICKS_ENGINES = folder;
});

afterEach(async () => {
  await workbench?.close();
  workbench = undefined;
  if (before === undefined) delete process.env.BAG_OF_TRICKS_ENGINES;
  else process.env.BAG_OF_TRICKS_ENGINES = before;
  await rm(folder, { recursive: true, force: true });
});

/** Lists the engine folder without the probe results. */
async function engines(): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name !== 'probes.json');
}

/** Opens the examples and waits until the palette offers our commands. */
async function openExamples(theme: Theme): Promise<Workbench> {
  workbench = await Workbench.open({ folder: 'examples', theme });
  await workbench.openFile('first-steps.experiment.yaml');
  await workbench.lenses('Run').first().waitFor();
  return workbench;
}

async function choose(command: string): Promise<void> {
  await workbench?.runCommand(command);
  await workbench
    ?.quickPickRows()
    .filter({ hasText: /^tensorflow(?!-)/ })
    .first()
    .click();
}

test('an engine is downloaded only with consent, and a cancelled installation leaves nothing', async () => {
  workbench = await openExamples('light');
  const { page } = workbench;
  const dialog = page.locator('.monaco-dialog-box');

  await choose('Install an engine...');
  await dialog.getByText('Install the engine tensorflow?').waitFor();
  await workbench.screenshot('engine-consent-light');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await dialog.waitFor({ state: 'hidden' });
  expect(await engines()).toEqual([]);

  await choose('Install an engine...');
  await dialog.getByRole('button', { name: 'Install', exact: true }).click();
  const toast = workbench.toasts().filter({ hasText: 'Installing tensorflow' });
  await toast.getByText(/Downloading/).waitFor();
  expect(await engines()).toHaveLength(1);
  await workbench.screenshot('engine-progress-light');
  await toast.getByRole('button', { name: 'Cancel' }).click();
  await workbench.toasts().filter({ hasText: 'Nothing was installed.' }).waitFor();
  await expect.poll(engines).toEqual([]);
});

// Installed there by `npm run verify` or by a person.
test.skipIf(!existsSync(installed)).each<Theme>(['light', 'dark'])(
  'an installed engine is found, diagnosed and removed (%s)',
  async (theme) => {
    await symlink(installed, join(folder, 'tensorflow'));
    workbench = await openExamples(theme);
    const { page } = workbench;
    const dialog = page.locator('.monaco-dialog-box');

    await choose('Install an engine...');
    await dialog.getByRole('button', { name: 'Install', exact: true }).click();
    const toast = workbench.toasts().filter({ hasText: 'tensorflow is installed.' });
    await toast.getByRole('button', { name: 'Diagnose engines' }).click();
    await page.locator('.editor-group-container.active .view-lines').getByText('auto uses').waitFor();
    expect(await workbench.editorText()).toMatch(/tensorflow: works\. TensorFlow 2/);
    await workbench.screenshot(`engines-${theme}`);

    await choose('Remove an engine...');
    await dialog.getByText('Remove the engine tensorflow?').waitFor();
    await dialog.getByRole('button', { name: 'Remove' }).click();
    await workbench.toasts().filter({ hasText: 'Removed tensorflow.' }).waitFor();
    expect(await engines()).toEqual([]);
    expect((await lstat(installed)).isDirectory()).toBe(true);
  },
);
