import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { studyView } from '../../src/insight/study/results/studyView';
import type { RunView, ToDashboard } from '../../src/protocol/dashboard';
import { runningStudy } from '../support/studies';
import { type Panel, PanelHost } from './panel';
import { halfPrecisionEvents, runView, sampleRecipe, trainingEvents } from './runs';
import type { ThemeName } from './themes';

let host: PanelHost;
beforeAll(async () => {
  host = await PanelHost.start();
});
afterAll(() => host.stop());

/** The size of a webview next to the sidebar, below tabs and title, in a 1280 x 800 window. */
const LAPTOP = { width: 930, height: 690 };

const manyTricks = sampleRecipe({
  epochs: 12,
  tricks: { mixed_precision: true, ema: true, label_smoothing: true, mixup: true, random_erasing: true },
});

function snapshot(steps: number, changes: Partial<RunView> = {}): ToDashboard {
  return {
    type: 'snapshot',
    run: runView(manyTricks, changes),
    events: halfPrecisionEvents(manyTricks, steps),
  };
}

/** Returns the bottom edge of an element, in page pixels. */
async function bottomOf(panel: Panel, selector: string): Promise<number> {
  const box = await panel.page.locator(selector).first().boundingBox();
  return box!.y + box!.height;
}

describe('without scrolling', () => {
  test.each([
    ['930 x 690', LAPTOP],
    ['400 x 800', { width: 400, height: 800 }],
    ['1500 x 800', { width: 1500, height: 800 }],
  ])('accuracy is visible as a number and as a chart at %s', async (_, size) => {
    const panel = await host.open(size);
    await panel.send(snapshot(600));
    expect(await bottomOf(panel, '.facts .best dd')).toBeLessThan(size.height / 2);
    expect(await bottomOf(panel, '.chart.accuracy .legend')).toBeLessThan(size.height);
    const visible = size.width < 720 ? 0.5 : 1;
    const plot = await panel.page.locator('.chart.accuracy .plot').boundingBox();
    expect(plot!.y + visible * plot!.height).toBeLessThan(size.height);
    expect(await panel.close()).toEqual([]);
  });

  test('accuracy and loss are side by side at 930 x 690, and the curve before the notes on it', async () => {
    const panel = await host.open(LAPTOP);
    await panel.send(snapshot(600));
    const [accuracy, loss] = await Promise.all(
      ['accuracy', 'loss'].map((chart) => panel.page.locator(`.chart.${chart} .plot`).boundingBox()),
    );
    expect(accuracy!.y).toBe(loss!.y);
    expect(accuracy!.x).toBeLessThan(loss!.x);
    const note = panel.page.locator('.chart.accuracy .note');
    expect(await note.textContent()).toContain('with mixup, random_erasing');
    expect(await bottomOf(panel, '.chart.accuracy .note')).toBeLessThan(LAPTOP.height);
    expect(await panel.close()).toEqual([]);
  });
});

const crash = {
  what: 'The trainer was killed by SIGABRT.',
  remedy: 'Use a smaller data.batch_size and run again.',
  log: Array.from({ length: 12 }, (_, line) => `line ${line} ${'of a native library '.repeat(20)}`).join(
    '\n',
  ),
};

/** Returns the page's error messages, by paragraph. */
const reasons = (panel: Panel) => panel.page.getByRole('alert').locator('p').allTextContents();

describe('a failed run', () => {
  test('shows reason, remedy and curves, and its log only on request', async () => {
    const panel = await host.open(LAPTOP);
    await panel.send(snapshot(600, { state: { status: 'failed', failure: crash } }));
    expect(await reasons(panel)).toEqual([crash.what, crash.remedy]);
    expect(await panel.page.getByText('line 11').isVisible()).toBe(false);
    expect(await bottomOf(panel, '.chart.accuracy .plot')).toBeLessThan(LAPTOP.height);
    await panel.page.getByText('Last lines of the log').click();
    const log = panel.page.locator('.problem pre');
    expect(await log.textContent()).toBe(crash.log);
    const size = await log.evaluate((pre) => ({
      scrolls: pre.scrollHeight > pre.clientHeight && pre.scrollWidth > pre.clientWidth,
      weight: getComputedStyle(pre).fontWeight,
      page: document.documentElement.scrollWidth,
    }));
    expect(size).toEqual({ scrolls: true, weight: '400', page: LAPTOP.width });
    expect(await bottomOf(panel, '.problem')).toBeLessThan(LAPTOP.height / 2);
    expect(await panel.close()).toEqual([]);
  });

  test('that an earlier release wrote shows its log folded, and every line once', async () => {
    const panel = await host.open(LAPTOP);
    const { what, remedy, log } = crash;
    const failure = { what: `${what}\n${log}`, remedy };
    await panel.send(snapshot(600, { state: { status: 'failed', failure } }));
    expect(await reasons(panel)).toEqual([what, remedy]);
    const text = await panel.page.locator('main').evaluate((main) => main.textContent ?? '');
    expect(text.split('line 11 of').length - 1).toBe(1);
    expect(await panel.close()).toEqual([]);
  });

  test('without a log has nothing to expand', async () => {
    const panel = await host.open(LAPTOP);
    const { what, remedy } = crash;
    await panel.send(snapshot(600, { state: { status: 'failed', failure: { what, remedy } } }));
    expect(await panel.page.locator('details').count()).toBe(0);
    expect(await panel.close()).toEqual([]);
  });

  test("of a study's page folds its log too", async () => {
    const panel = await host.open({ page: 'study', ...LAPTOP });
    const facts = runningStudy({ state: { status: 'failed', failure: crash }, secondsLeft: null });
    await panel.send({ type: 'snapshot', view: studyView(facts) });
    expect(await reasons(panel)).toEqual([crash.what, crash.remedy]);
    expect(await panel.page.getByText('line 11').isVisible()).toBe(false);
    expect(await panel.close()).toEqual([]);
  });
});

test('the table of epochs scrolls into view if it opens out of sight', async () => {
  const panel = await host.open(LAPTOP);
  await panel.send(snapshot(600));
  await panel.page.getByRole('button', { name: 'Show epoch table' }).click();
  await panel.drawn();
  const last = panel.page.getByRole('row').last();
  expect(await last.evaluate((row) => row.getBoundingClientRect().bottom)).toBeLessThanOrEqual(LAPTOP.height);
  expect(await panel.close()).toEqual([]);
});

test('a chart of a recipe that trains as it validates has no note', async () => {
  const plain = sampleRecipe();
  const panel = await host.open(LAPTOP);
  await panel.send({ type: 'snapshot', run: runView(plain), events: trainingEvents(plain, 100) });
  expect(await panel.page.locator('.note:visible').count()).toBe(0);
  expect(await panel.close()).toEqual([]);
});

/** Returns the colors along an element's middle row, from left to right, as 'rrggbb'. */
async function colorsAcross(panel: Panel, selector = 'vscode-progress-bar'): Promise<string[]> {
  const picture = await panel.page.locator(selector).first().screenshot();
  const { data, info } = await sharp(picture).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const row = Math.floor(info.height / 2) * info.width;
  return Array.from({ length: info.width }, (_, x) =>
    data.subarray(3 * (row + x), 3 * (row + x + 1)).toString('hex'),
  );
}

/** Returns the difference of two colors in the channel where they differ most, from 0 to 255. */
function difference(one: string, other: string): number {
  const channels = (color: string) => [...Buffer.from(color, 'hex')];
  return Math.max(...channels(one).map((value, index) => Math.abs(value - channels(other)[index]!)));
}

/** Returns the fraction of a bar that is filled. The filled part has a different color. */
async function filledShare(panel: Panel): Promise<number> {
  const colors = await colorsAcross(panel);
  const [filled, empty] = [colors[10]!, colors.at(-10)!];
  expect(difference(filled, empty)).toBeGreaterThan(60);
  return colors.filter((color) => difference(color, filled) < 20).length / colors.length;
}

const LOOKS: readonly [string, { theme: ThemeName; forcedColors?: boolean }][] = [
  ['dark', { theme: 'dark' }],
  ['light', { theme: 'light' }],
  ['dark high contrast', { theme: 'high contrast' }],
  ['light high contrast', { theme: 'high contrast light' }],
  ["the system's own colors", { theme: 'high contrast', forcedColors: true }],
];

describe.each(LOOKS)('in %s', (_, look) => {
  test('a bar of 8 % is filled by 8 % of its width, in a visible color', async () => {
    const panel = await host.open({ ...LAPTOP, ...look, still: true });
    await panel.send(snapshot(Math.round(0.08 * manyTricks.schedule.totalSteps)));
    expect(await panel.page.getByRole('progressbar').getAttribute('aria-valuenow')).toBe('8');
    expect(await filledShare(panel)).toBeCloseTo(0.08, 1.5);
    expect(await panel.close()).toEqual([]);
  });

  test("a study's bar is filled by the share of its runs", async () => {
    const panel = await host.open({ page: 'study', ...LAPTOP, ...look, still: true });
    const view = studyView(runningStudy());
    await panel.send({ type: 'snapshot', view });
    expect(await filledShare(panel)).toBeCloseTo(view.progress.share, 1.5);
    expect(await panel.close()).toEqual([]);
  });

  test('the keys of training and validation have different, visible colors', async () => {
    const panel = await host.open({ ...LAPTOP, ...look, still: true });
    await panel.send(snapshot(600));
    const background = (await colorsAcross(panel, 'main'))[0]!;
    const [training, validation] = await Promise.all(
      ['training', 'validation'].map((name) => colorsAcross(panel, `.accuracy .key.${name}`)),
    );
    const middle = (colors: string[]) => colors[Math.floor(colors.length / 2)]!;
    expect(difference(middle(training!), background)).toBeGreaterThan(60);
    expect(difference(middle(validation!), background)).toBeGreaterThan(60);
    expect(difference(middle(training!), middle(validation!))).toBeGreaterThan(60);
    expect(await panel.close()).toEqual([]);
  });
});
