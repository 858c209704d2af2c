import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ToDashboard } from '../../src/protocol/dashboard';
import { type Panel, PanelHost } from './panel';
import {
  COMMAND_RECIPE,
  commandEvents,
  doneEvent,
  halfPrecisionEvents,
  runView,
  sampleRecipe,
  trainingEvents,
} from './runs';
import { THEMES, type ThemeName } from './themes';

let host: PanelHost;
beforeAll(async () => {
  host = await PanelHost.start();
});
afterAll(() => host.stop());

const recipe = sampleRecipe();
const halfway = trainingEvents(recipe, 300);
const whole = [...trainingEvents(recipe), doneEvent(recipe)];
const running: ToDashboard = { type: 'snapshot', run: runView(recipe), events: halfway };
const done: ToDashboard = {
  type: 'snapshot',
  run: runView(recipe, { state: { status: 'done', result: doneEvent(recipe).result } }),
  events: whole,
};
const failed: ToDashboard = {
  type: 'snapshot',
  run: runView(recipe, {
    state: {
      status: 'failed',
      failure: {
        what: 'The disk is full: metrics.ndjson could not be written.',
        remedy: 'Free some space and run again.',
        log: 'ENOSPC: no space left on device, write',
      },
    },
  }),
  events: trainingEvents(recipe, 130),
};
const halfRecipe = sampleRecipe({
  tricks: { mixed_precision: true, ema: true, label_smoothing: true, mixup: true },
});
const halfPrecision: ToDashboard = {
  type: 'snapshot',
  run: runView(halfRecipe),
  events: halfPrecisionEvents(halfRecipe, 300),
};
const preparing: ToDashboard = {
  type: 'snapshot',
  run: runView(recipe),
  events: [{ type: 'preparing', time: 0, what: 'Downloading fashion-mnist', share: 0.42 }],
};

const command: ToDashboard = { type: 'snapshot', run: runView(COMMAND_RECIPE), events: commandEvents() };
const uncounted: ToDashboard = {
  type: 'snapshot',
  run: runView(COMMAND_RECIPE, {
    state: {
      status: 'done',
      result: {
        ...{
          epochs: 4,
          validationLoss: null,
          validationAccuracy: null,
          bestValidationAccuracy: null,
          seconds: 256,
        },
        notes: ['No metrics were found in the output, which is in trainer.log as it is.'],
      },
    },
  }),
  events: [],
};

interface Picture {
  readonly name: string;
  readonly message: ToDashboard;
  readonly theme?: ThemeName;
  readonly width?: number;
  readonly table?: boolean;
  /** Zooms in by dragging, then points at a step. */
  readonly pointer?: boolean;
}

const PICTURES: readonly Picture[] = [
  { name: 'running', message: running },
  { name: 'wide', message: running, width: 1500 },
  { name: 'zoomed', message: running, pointer: true },
  { name: 'done', message: done, table: true },
  { name: 'light', message: done, theme: 'light' },
  { name: 'high-contrast', message: done, theme: 'high contrast' },
  { name: 'narrow', message: running, width: 400, table: true },
  { name: 'half-precision', message: halfPrecision },
  { name: 'half-precision-light', message: halfPrecision, theme: 'light', width: 700 },
  { name: 'failed', message: failed },
  { name: 'failed-light', message: failed, theme: 'light' },
  { name: 'command', message: command, table: true },
  { name: 'command-light', message: command, theme: 'light' },
  { name: 'command-without-metrics', message: uncounted },
  { name: 'preparing', message: preparing },
  { name: 'empty', message: { type: 'clear', reason: 'Run an experiment to see it here.' } },
];

/** Whether anything extends beyond the panel's right edge. */
function overflows(panel: Panel): Promise<boolean> {
  return panel.page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
}

test.each(PICTURES)('$name fits its panel in the colors of its theme', async (picture) => {
  const theme = picture.theme ?? 'dark';
  const panel = await host.open({ theme, width: picture.width });
  await panel.send(picture.message);
  if (picture.table) await panel.page.getByRole('button', { name: 'Show epoch table' }).click();
  if (picture.pointer) await dragAndPoint(panel);
  await panel.screenshot(picture.name);
  expect(await overflows(panel)).toBe(false);
  const color = await panel.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  expect(color).toBe(rgb(THEMES[theme].variables['editor-background']!));
  expect(await panel.close()).toEqual([]);
});

async function dragAndPoint({ page }: Panel): Promise<void> {
  const box = (await page.getByRole('img', { name: /^Loss/ }).boundingBox())!;
  const at = (share: number) => [box.x + share * box.width, box.y + box.height / 2] as const;
  await page.mouse.move(...at(0.3));
  await page.mouse.down();
  await page.mouse.move(...at(0.6), { steps: 4 });
  await page.mouse.up();
  await expect.poll(() => page.getByRole('button', { name: 'Reset zoom' }).isVisible()).toBe(true);
  await page.mouse.move(...at(0.5));
}

/** Converts '#1f1f1f' to the form that a browser writes. */
function rgb(hex: string): string {
  const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
  return `rgb(${red}, ${green}, ${blue})`;
}
