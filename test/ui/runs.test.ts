import { existsSync } from 'node:fs';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hangLimitsMs } from '../../scripts/lib/limits.mjs';
import { root } from '../../scripts/lib/processes.mjs';
import { readLease } from '../../src/runs/lease/lease';
import { readAllEvents } from '../../src/runs/log';
import { takeOn } from '../../src/runs/origin';
import { enqueue, readQueue } from '../../src/runs/queue';
import { createRun, metricsPath, readManifest, runsFolder, writeManifest } from '../../src/runs/store';
import { linuxStatIn } from '../../src/system/processes';
import { resolvedRecipe, SMALL_FILE } from '../support/smallTraining';
import { Workbench } from './workbench';

/** Each epoch takes half a second, and there are enough that the run never ends here. */
const EXPERIMENT = {
  ...SMALL_FILE,
  name: 'endless',
  data: { ...SMALL_FILE.data, train_images: 640 },
  schedule: { epochs: 100_000 },
};
const FILE = 'endless.experiment.json';

const themeSettings = {
  'window.autoDetectColorScheme': true,
  'workbench.preferredLightColorTheme': 'Default Light Modern',
  'workbench.preferredDarkColorTheme': 'Default Dark Modern',
};

let folder = '';
let workbench: Workbench | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bag-of-tricks-runs-'));
  await writeFile(join(folder, FILE), JSON.stringify(EXPERIMENT, null, 2));
});

afterEach(async () => {
  await workbench?.close();
  workbench = undefined;
  await rm(folder, { recursive: true, force: true });
});

/** Returns the run folders of the open folder, oldest first. */
async function runFolders(store: string): Promise<string[]> {
  const runs = runsFolder(store);
  return existsSync(runs) ? (await readdir(runs)).sort().map((id) => join(runs, id)) : [];
}

async function eventually<T>(what: string, look: () => Promise<T | null | undefined | false>): Promise<T> {
  for (const deadline = Date.now() + hangLimitsMs.ui.wait; ; ) {
    const value = await look();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`Never seen: ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

const stateOf = async (run: string) => {
  const reading = await readManifest(run);
  return reading.ok ? reading.manifest.state : null;
};

/** Opens another window on the same folder as a page, at the extension's view. */
async function openWindow(page: Page) {
  const other = await page.context().browser()?.newPage();
  if (!other) throw new Error('The page has no browser.');
  other.setDefaultTimeout(hangLimitsMs.ui.wait);
  await other.goto(page.url());
  await bagOfTricks(other).click();
  return { page: other, rows: other.locator('.pane-body .monaco-list-row'), badge: badgeOf(other) };
}

/** Clicks a row's action until it has an effect. The row may be redrawn under the pointer. */
async function clickAction(row: Locator, name: string, isDone: () => Promise<boolean>): Promise<void> {
  await eventually(name, async () => {
    if (await isDone()) return true;
    await row.hover({ timeout: 5000 }).catch(() => {});
    const button = row.getByRole('button', { name });
    const isClicked = await button.click({ timeout: 5000 }).then(
      () => true,
      () => false,
    );
    // Meanwhile the row may become that of another run.
    for (let waitedMs = 0; isClicked && waitedMs < 20_000 && !(await isDone()); waitedMs += 50) {
      await new Promise((done) => setTimeout(done, 50));
    }
    return isDone();
  });
}

/** The extension's icon in the activity bar. */
const bagOfTricks = (page: Page) => page.getByRole('tab', { name: /^Bag of Tricks/ }).first();

const badgeOf = (page: Page) =>
  page
    .locator('.activitybar .action-item', { has: page.getByLabel(/^Bag of Tricks/) })
    .locator('.badge-content');

/**
 * Creates a run in a given state: a copy of another run without its checkpoints, and without its log, because that has
 * an end.
 */
async function leave(run: string, name: string, changes: object): Promise<void> {
  const reading = await readManifest(run);
  if (!reading.ok) throw new Error(reading.reason);
  const copy = `${run}-${name}`;
  await cp(run, copy, {
    recursive: true,
    filter: (path) => !/checkpoints|lease|metrics|queue\.json/.test(basename(path)),
  });
  const manifest = { ...reading.manifest, id: basename(copy), ...changes };
  await writeManifest(copy, manifest);
  await takeOn({ folder: copy, manifest });
}

test.runIf(process.platform === 'linux')(
  'runs survive a crash of the extension host; a person pauses and resumes them by the view and a message',
  async () => {
    workbench = await Workbench.open({
      folder: relative(root, folder),
      theme: 'light',
      settings: themeSettings,
    });
    const { page, folder: store } = workbench;
    const rows = workbench.treeRows('Experiments');
    await workbench.openFile(FILE);
    for (let count = 1; count <= 3; count++) {
      await workbench.clickLens(/^\s*Run\s*$/);
      await eventually('the run', async () => (await runFolders(store)).length === count);
    }
    await bagOfTricks(page).click();
    await rows.filter({ hasText: '2 queued' }).waitFor();
    const badge = badgeOf(page);
    await badge.getByText('3', { exact: true }).waitFor();

    const [first = ''] = await runFolders(store);
    const running = rows.filter({ hasText: /epoch \d+ of 100000/ });
    await running.waitFor();
    // The visible page has its content, and the tab names still differ.
    await workbench.panelFrame().getByRole('heading', { name: 'endless' }).waitFor();
    await expect.poll(() => page.getByRole('tab', { name: /^endless \(/ }).count()).toBe(3);
    const trainer = (await readLease(first))?.holder?.pid as number;
    const host = linuxStatIn(await readFile(`/proc/${trainer}/stat`, 'utf8'))?.parent as number;
    process.kill(host, 'SIGKILL');
    // The workbench starts a new host, which finds the run.
    await eventually('the end of the host', async () => !existsSync(`/proc/${host}`));
    const before = Number(/epoch (\d+)/.exec((await running.textContent()) ?? '')?.[1] ?? 0);
    await eventually('later epochs', async () => {
      const epoch = /epoch (\d+)/.exec(
        (await running.textContent({ timeout: 5000 }).catch(() => '')) ?? '',
      )?.[1];
      return Number(epoch) > before;
    });
    expect((await readLease(first))?.holder?.pid).toBe(trainer);
    await badge.getByText('3', { exact: true }).waitFor();

    const other = await openWindow(page);
    await other.rows.filter({ hasText: '2 queued' }).waitFor();
    await other.rows.filter({ hasText: /epoch \d+ of 100000/ }).waitFor();
    await other.badge.getByText('3', { exact: true }).waitFor();

    await clickAction(running, 'Pause run', async () => (await stateOf(first))?.status === 'paused');
    for (const shown of [rows, other.rows]) await shown.filter({ hasText: /paused in epoch \d+/ }).waitFor();
    expect(await stateOf(first)).toMatchObject({ status: 'paused' });
    // One of the windows started the next run.
    for (const shown of [rows, other.rows]) await shown.filter({ hasText: '1 queued' }).waitFor();
    for (const shown of [badge, other.badge]) await shown.getByText('2', { exact: true }).waitFor();

    await leave(first, 'failed', {
      state: { status: 'failed', failure: { what: 'The loss became NaN at step 12.', remedy: 'Lower it.' } },
    });
    await leave(first, 'lost', {
      state: { status: 'running', step: 4, validationAccuracy: null },
      endedAt: null,
    });
    // Reported once, by the window that found it first.
    const toasts = [page, other.page].map((window) =>
      window
        .locator('.notification-toast')
        .filter({ hasText: /endless \(.*\) was interrupted: its trainer exited unexpectedly\./ }),
    );
    const toast = await Promise.any(toasts.map((shown) => shown.waitFor().then(() => shown)));
    // The workbench does not dismiss a toast under the pointer, however long the screenshots take.
    await toast.hover();
    await rows.filter({ hasText: 'The loss became NaN' }).waitFor();
    await rows.filter({ hasText: 'interrupted' }).waitFor();
    await workbench.screenshot('runs-light');
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.locator('.monaco-workbench.vs-dark').waitFor();
    await workbench.screenshot('runs-dark');

    await toast.getByRole('button', { name: 'Resume' }).click();
    for (const shown of [rows, other.rows]) await shown.filter({ hasText: '2 queued' }).waitFor();
    await badge.getByText('3', { exact: true }).waitFor();
    const paused = rows.filter({ hasText: /paused in epoch \d+/ });
    await clickAction(paused, 'Resume run', async () => (await stateOf(first))?.status === 'queued');
    await rows.filter({ hasText: '3 queued' }).waitFor();
    // It is queued before those that came after it.
    expect((await readQueue(store))[0]?.folder).toBe(first);
    expect(await stateOf(first)).toEqual({ status: 'queued' });
    // Whatever both windows did, every run was started exactly once.
    for (const run of await runFolders(store)) {
      const { events } = await readAllEvents(metricsPath(run));
      expect(events.filter(({ type }) => type === 'started').length).toBeLessThanOrEqual(1);
    }
  },
);

test('without trust the queue starts nothing, until trust is granted', async () => {
  workbench = await Workbench.open({ folder: relative(root, folder), theme: 'light', trusted: false });
  const { page, folder: store } = workbench;
  const creation = await createRun(store, {
    experimentFile: join(store, FILE),
    experimentText: JSON.stringify(EXPERIMENT),
    recipe: resolvedRecipe(EXPERIMENT),
    versions: {},
  });
  if (!creation.ok) throw new Error(creation.failure.what);
  expect(await enqueue(store, creation.id)).toBeNull();
  const rows = workbench.treeRows('Experiments');
  await bagOfTricks(page).click();
  await rows.filter({ hasText: '1 queued' }).waitFor();
  // Longer than an active queue lets a run wait.
  await page.waitForTimeout(3_000);
  expect((await readdir(creation.folder)).sort()).toEqual(['lease.1', 'origin', 'queue.json', 'run.json']);
  expect(await stateOf(creation.folder)).toEqual({ status: 'queued' });

  await workbench.runCommand('Manage Workspace Trust');
  await page
    .getByRole('button', { name: /^Trust/ })
    .first()
    .click();
  await eventually('training', async () => (await stateOf(creation.folder))?.status === 'running');
});
