import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ToDashboard } from '../../src/protocol/dashboard';
import type { RunEvent } from '../../src/protocol/events';
import type { DatasetRequest } from '../../src/recipe/datasets';
import type { ImagesRecipe } from '../../src/recipe/recipe';
import { type Panel, PanelHost } from './panel';
import {
  COMMAND_RECIPE,
  doneEvent,
  halfPrecisionEvents,
  runView,
  sampleRecipe,
  stateAfterAll,
  trainingEvents,
} from './runs';
import { THEMES } from './themes';

const recipe = sampleRecipe();
const run = runView(recipe);
const halfway = trainingEvents(recipe, 300);
const whole = [...trainingEvents(recipe), doneEvent(recipe)];

function snapshot(events: readonly RunEvent[], changes: Parameters<typeof runView>[1] = {}): ToDashboard {
  return { type: 'snapshot', run: runView(recipe, { state: stateAfterAll(events), ...changes }), events };
}

function delta(...events: RunEvent[]): ToDashboard {
  return { type: 'delta', folder: run.folder, state: stateAfterAll(events), events };
}

let host: PanelHost;
let panel: Panel;
beforeAll(async () => {
  host = await PanelHost.start();
});
afterAll(() => host.stop());
beforeEach(async () => {
  panel = await host.open();
});
/** No test's panel logs an error or a warning, opens a dialog, or violates its content security policy. */
afterEach(async () => {
  expect(await panel.close()).toEqual([]);
});

const button = (name: string) => panel.page.getByRole('button', { name, exact: true });
const text = (words: string) => panel.page.getByText(words, { exact: true }).first();
const pageText = () => panel.page.getByRole('main').ariaSnapshot();

describe('messages', () => {
  test('the dashboard says it is ready, once, before it receives anything', async () => {
    expect(await panel.posted()).toEqual([{ type: 'ready' }]);
  });

  test('a snapshot shows the run, its engine, its recipe and its progress', async () => {
    await panel.send(snapshot(halfway));
    expect(await panel.page.getByRole('heading', { level: 1 }).textContent()).toBe('fashion-resnet');
    const words = await pageText();
    for (const expected of [
      'Running',
      'WebAssembly, SIMD, 1 thread',
      'Epoch 4 of 5 · step 300 of 465',
      '80 images/s · 4 min 38 s left',
      'resnet20, width 16',
      'zero_gamma',
    ]) {
      expect(words).toContain(expected);
    }
    const bar = panel.page.getByRole('progressbar', { name: 'Training' });
    expect(await bar.getAttribute('aria-valuenow')).toBe('65');
    const engine = panel.page.getByText('WebAssembly, SIMD, 1 thread');
    expect(await engine.getAttribute('title')).toBe(
      'tensorflow would be faster. It is not installed. wasm works.',
    );
  });

  test('half precision is shown as emulated, overflowing steps are counted, and the average has its accuracy', async () => {
    const half = sampleRecipe({ tricks: { mixed_precision: true, ema: true } });
    const run = runView(half);
    await panel.send({ type: 'snapshot', run, events: [] });
    expect(await pageText()).toContain('float16, emulated unless the engine supports it');
    await panel.send({ type: 'snapshot', run, events: halfPrecisionEvents(half, 1) });
    expect(await pageText()).toContain('16,384, 1 step skipped');
    await panel.send({ type: 'snapshot', run, events: halfPrecisionEvents(half, 200) });
    const words = await pageText();
    expect(words).toContain('float16, emulated');
    expect(words).not.toContain('unless');
    expect(words).toContain('16,384, 2 steps skipped');
    expect(words).toContain('87.65%');
    await panel.send({
      type: 'snapshot',
      run: runView(sampleRecipe()),
      events: trainingEvents(sampleRecipe(), 10),
    });
    expect(await pageText()).not.toContain('Precision');
  });

  test('an epoch that waited for its images says so, and what to change, until one does not', async () => {
    const images: ImagesRecipe = {
      size: 224,
      interpolation: 'bilinear',
      cropPct: 0.875,
      presize: null,
      onBadImage: 'fail',
    };
    const source: DatasetRequest = {
      dataset: 'image_folder',
      path: 'photos',
      split: { validation: 0.1, seed: 0 },
    };
    const photos = runView({ ...recipe, data: { ...recipe.data, source, images } });
    const epochs = (share: number, count: number) =>
      trainingEvents(recipe, count * recipe.schedule.stepsPerEpoch).map((event) =>
        event.type === 'epoch' ? { ...event, dataWaitShare: share } : event,
      );
    await panel.send({ type: 'snapshot', run: photos, events: epochs(0.4, 1) });
    const hint = panel.page.getByRole('note');
    const words = await hint.textContent();
    expect(words).toContain('waited for images 40% of the time');
    expect(words).toContain('data.presize: 258');
    await panel.send({ type: 'snapshot', run: photos, events: epochs(0.05, 2) });
    expect(await hint.count()).toBe(0);
  });

  test('a delta extends every curve', async () => {
    const { stepsPerEpoch } = recipe.schedule;
    const first = trainingEvents(recipe, stepsPerEpoch);
    const rest = trainingEvents(recipe, 2 * stepsPerEpoch).slice(first.length);
    await panel.send(snapshot(first));
    expect(await panel.summary('Loss')).toMatch(/^Loss over 93 steps; .*at epoch 1\.$/);
    const before = await panel.drawnPoints();
    await panel.send(delta(...rest));
    expect(await panel.summary('Loss')).toMatch(/^Loss over 186 steps; .*at epoch 2\.$/);
    expect(await panel.summary('Learning rate')).toMatch(/^Learning rate over 186 steps/);
    expect(await panel.summary('Accuracy')).toMatch(/^Accuracy over 2 epochs; training 84\.32%/);
    const after = await panel.drawnPoints();
    // Two accuracy points, one of them the best. Raw and smoothed loss and one validation loss. The used learning rate.
    expect(after.map((points, chart) => points - before[chart]!)).toEqual([2, 2 * 93 + 1, 93]);
  });

  test('a panel that opens late shows the same as one open from the start', async () => {
    await panel.send(snapshot([]));
    for (let at = 0; at < whole.length; at += 37) await panel.send(delta(...whole.slice(at, at + 37)));
    const live = await pageText();
    const summaries = [await panel.summary('Loss'), await panel.summary('Accuracy')];
    const late = await host.open();
    await late.send(snapshot(whole));
    expect(await late.page.getByRole('main').ariaSnapshot()).toBe(live);
    expect([await late.summary('Loss'), await late.summary('Accuracy')]).toEqual(summaries);
    expect(await late.close()).toEqual([]);
  });

  test('messages about another run, or of an unknown type, change nothing', async () => {
    await panel.send(snapshot(halfway));
    const before = await pageText();
    await panel.send(
      {
        type: 'delta',
        folder: '/copy/.bag-of-tricks/runs/run-1',
        state: { status: 'interrupted' },
        events: whole,
      },
      { type: 'unheard-of' } as never,
      { type: 'snapshot', run: { id: 1 }, events: 'none' } as never,
    );
    expect(await pageText()).toBe(before);
  });

  test('another snapshot replaces the run', async () => {
    await panel.send(snapshot(halfway));
    await panel.send(snapshot([], { folder: 'run-2', name: 'second', state: { status: 'queued' } }));
    expect(await panel.page.getByRole('heading', { level: 1 }).textContent()).toBe('second');
    expect(await panel.summary('Loss')).toBe('Loss over 0 steps.');
  });

  test('clear says why there is no run', async () => {
    await panel.send(snapshot(halfway), { type: 'clear', reason: 'The run was deleted.' });
    expect(await text('No run to show').isVisible()).toBe(true);
    expect(await text('The run was deleted.').isVisible()).toBe(true);
    expect(await panel.page.getByRole('img').count()).toBe(0);
  });
});

describe('states', () => {
  test('a run waits for its turn before its trainer starts', async () => {
    await panel.send(snapshot([], { state: { status: 'queued' } }));
    expect(await text('Queued').isVisible()).toBe(true);
    expect(await text('Waiting in the queue').isVisible()).toBe(true);
  });

  test('preparing shows the current task and its progress', async () => {
    await panel.send(snapshot([{ type: 'preparing', time: 0, what: 'Downloading images', share: 0.42 }]));
    expect(await text('Downloading images · 42%').isVisible()).toBe(true);
    const bar = panel.page.getByRole('progressbar', { name: 'Downloading images' });
    expect(await bar.getAttribute('aria-valuenow')).toBe('42');
  });

  test('a started trainer without a step says so', async () => {
    await panel.send(snapshot(halfway.slice(0, 1)));
    expect(await text('Waiting for the first step').isVisible()).toBe(true);
    const bar = panel.page.getByRole('progressbar', { name: 'Training' });
    expect(await bar.getAttribute('aria-valuenow')).toBeNull();
  });

  test('a run that is done shows its best accuracy and how long it took', async () => {
    await panel.send(snapshot(whole));
    expect(await text('Done').isVisible()).toBe(true);
    expect(await text('Duration: 13 min 04 s').isVisible()).toBe(true);
    expect(await panel.summary('Accuracy')).toContain('best 86.93% at epoch 4');
    expect(await pageText()).not.toContain('left');
  });

  test('a command that is done without metrics shows a full bar and why there are no curves', async () => {
    const notes = ['No metrics were found in the output, which is in trainer.log as it is.'];
    const unknown = { validationLoss: null, validationAccuracy: null, bestValidationAccuracy: null };
    const result = { epochs: 0, ...unknown, seconds: 5, notes, output: 'a cat\na dog' };
    await panel.send({
      type: 'snapshot',
      run: runView(COMMAND_RECIPE, { state: { status: 'done', result } }),
      events: [],
    });
    expect(await text(notes[0] ?? '').isVisible()).toBe(true);
    expect(await panel.page.locator('pre').textContent()).toBe('a cat\na dog');
    await panel.page.locator('.progress').getByRole('button', { name: 'Open log' }).click();
    expect((await panel.posted()).at(-1)).toEqual({ type: 'openLog', folder: run.folder });
    const bar = panel.page.getByRole('progressbar', { name: 'Training' });
    expect(await bar.getAttribute('aria-valuenow')).toBe('100');
    expect(await pageText()).not.toContain('No step');
  });

  test('a command shows its Python and why it is that, as soon as the trainer has chosen it', async () => {
    const queued = runView(COMMAND_RECIPE, { state: { status: 'queued' } });
    await panel.send({ type: 'snapshot', run: queued, events: [] });
    expect(await panel.page.locator('.facts').textContent()).not.toContain('Python');
    const python = { path: '/w/.venv/bin/python', because: 'virtual environment in the working directory' };
    const state = { status: 'running', step: 0, validationAccuracy: null } as const;
    await panel.send({ type: 'delta', folder: queued.folder, state, python, events: [] });
    await panel.send({ type: 'delta', folder: queued.folder, state, events: [] });
    expect(await text(python.path).isVisible()).toBe(true);
    expect(await text(python.because).isVisible()).toBe(true);
  });

  test('a failure shows what happened, what to do, and opens the log', async () => {
    const failure = { what: 'The disk is full.', remedy: 'Free some space and run again.' };
    await panel.send(snapshot(halfway), delta({ type: 'failed', time: 0, failure }));
    const alert = panel.page.getByRole('alert');
    expect(await alert.textContent()).toContain('The disk is full.');
    expect(await alert.textContent()).toContain('Free some space and run again.');
    await panel.page.locator('.problem').getByRole('button', { name: 'Open log' }).click();
    expect((await panel.posted()).at(-1)).toEqual({ type: 'openLog', folder: run.folder });
  });

  test('an interrupted run says that its trainer went away', async () => {
    await panel.send(snapshot(halfway), {
      type: 'delta',
      folder: run.folder,
      state: { status: 'interrupted' },
      events: [],
    });
    expect(await text('Interrupted').isVisible()).toBe(true);
    expect(await panel.page.getByRole('alert').textContent()).toContain(
      'The trainer exited before the run was done',
    );
  });

  test('a screen reader announces ends of epochs and changes of state, not steps', async () => {
    const status = panel.page.getByRole('status');
    await panel.send(snapshot(halfway));
    const heard = await status.textContent();
    expect(heard).toContain('epoch 3 of 5 done');
    await panel.send(delta(...trainingEvents(recipe, 350).slice(halfway.length)));
    expect(await status.textContent()).toBe(heard);
    await panel.send(delta({ type: 'stopped', time: 0, step: 350 }));
    expect(await status.textContent()).toContain('Stopped');
  });
});

describe('requests', () => {
  test('Stop asks once, and says that the run is stopping until it has stopped', async () => {
    await panel.send(snapshot(halfway));
    await button('Stop').click();
    expect((await panel.posted()).at(-1)).toEqual({ type: 'stop', folder: run.folder });
    const stopping = button('Stopping...');
    expect(await stopping.getAttribute('aria-disabled')).toBe('true');
    await panel.page.keyboard.press('Enter');
    expect((await panel.posted()).filter(({ type }) => type === 'stop')).toHaveLength(1);
    await panel.send(delta({ type: 'stopped', time: 0, step: 300 }));
    expect(await stopping.count()).toBe(0);
    expect(await text('Stopped').isVisible()).toBe(true);
  });

  test('Pause asks once, and a run that is paused can be resumed', async () => {
    await panel.send(snapshot(halfway));
    await button('Pause').click();
    expect((await panel.posted()).at(-1)).toEqual({ type: 'pause', folder: run.folder });
    expect(await button('Pausing...').getAttribute('aria-disabled')).toBe('true');
    expect(await button('Stop').count()).toBe(0);
    await panel.send(delta({ type: 'paused', time: 0, step: 300 }));
    expect(await text('Paused').isVisible()).toBe(true);
    await button('Resume').click();
    expect((await panel.posted()).at(-1)).toEqual({ type: 'resume', folder: run.folder });
  });

  test.each([
    ['Run again', 'runAgain'],
    ['Run the file', 'runFile'],
    ["Restore this run's file", 'restoreFile'],
    ['Open experiment', 'openExperiment'],
    ['Open log', 'openLog'],
  ] as const)('%s of a run that is done asks for it', async (name, type) => {
    await panel.send(snapshot(whole));
    expect(await button('Stop').count()).toBe(0);
    await button(name).click();
    expect((await panel.posted()).at(-1)).toEqual({ type, folder: run.folder });
  });

  test('a run that ended early can be resumed, and one that is done cannot', async () => {
    await panel.send(snapshot(whole));
    expect(await button('Resume').count()).toBe(0);
    await panel.send(snapshot([...halfway, { type: 'stopped', time: 0, step: 300 }]));
    await button('Resume').click();
    expect((await panel.posted()).at(-1)).toEqual({ type: 'resume', folder: run.folder });
    await panel.send({ type: 'delta', folder: run.folder, state: { status: 'queued' }, events: [] });
    expect(await text('Queued').isVisible()).toBe(true);
    expect(await button('Resume').count()).toBe(0);
    expect(await button('Stop').count()).toBe(1);
    expect(await button('Pause').count()).toBe(0);
  });

  test('every control is reached with Tab in the order of the page and works with Enter', async () => {
    await panel.send(snapshot(halfway));
    const reached: string[] = [];
    for (let presses = 0; presses < 8; presses++) {
      await panel.page.keyboard.press('Tab');
      reached.push(await focused());
    }
    expect(reached).toEqual([
      'Stop',
      'Pause',
      'Open experiment',
      'Open log',
      'Show epoch table',
      'Accuracy',
      'Loss',
      'Learning rate',
    ]);
    await button('Stop').focus();
    await panel.page.keyboard.press('Enter');
    expect((await panel.posted()).at(-1)).toEqual({ type: 'stop', folder: run.folder });
  });
});

function focused(): Promise<string> {
  return panel.page.evaluate(() => {
    const element = document.activeElement;
    return element?.getAttribute('aria-label') ?? element?.textContent?.trim() ?? '';
  });
}

describe('table of epochs', () => {
  test("lists every epoch's figures and marks the best, and grows with the run", async () => {
    await panel.send(snapshot(halfway));
    await button('Show epoch table').click();
    const rows = panel.page.getByRole('table').getByRole('row');
    await panel.drawn();
    expect(await rows.allInnerTexts()).toEqual([
      'Epoch\tTraining loss\tValidation loss\tTraining accuracy\tValidation accuracy\tTime',
      '1\t0.798\t0.838\t69.31%\t67.31%\t2 min 37 s',
      '2\t0.408\t0.448\t84.32%\t82.32%\t2 min 37 s',
      '3 best\t0.311\t0.351\t88.02%\t86.02%\t2 min 37 s',
    ]);
    await panel.send(delta(...whole.slice(halfway.length)));
    expect(await rows.count()).toBe(6);
    expect((await rows.allInnerTexts())[4]).toMatch(/^4 best\t/);
    await button('Hide epoch table').click();
    await panel.drawn();
    expect(await panel.page.getByRole('table').count()).toBe(0);
  });
});

describe('zoom', () => {
  const view = /Steps ([\d,]+) to ([\d,]+) in view/;

  async function stepsInView(): Promise<(string | undefined)[]> {
    const charts = ['Loss', 'Learning rate', 'Accuracy'] as const;
    const summaries = await Promise.all(charts.map((chart) => panel.summary(chart)));
    return summaries.map((summary) => view.exec(summary)?.[0]);
  }

  async function expectLinkedZoom(): Promise<string> {
    await expect.poll(stepsInView).not.toContain(undefined);
    const [loss, rate, accuracy] = await stepsInView();
    expect([rate, accuracy]).toEqual([loss, loss]);
    return loss!;
  }

  test('dragging over one chart zooms all three, and Reset zoom shows the whole run', async () => {
    await panel.send(snapshot(whole));
    expect(await button('Reset zoom').isVisible()).toBe(false);
    const box = (await panel.image('Accuracy').boundingBox())!;
    const middle = box.y + box.height / 2;
    await panel.page.mouse.move(box.x + 0.4 * box.width, middle);
    await panel.page.mouse.down();
    await panel.page.mouse.move(box.x + 0.7 * box.width, middle, { steps: 5 });
    await panel.page.mouse.up();
    await expectLinkedZoom();
    await button('Reset zoom').click();
    await expect.poll(stepsInView).toEqual([undefined, undefined, undefined]);
    expect(await button('Reset zoom').isVisible()).toBe(false);
  });

  test('Ctrl and the wheel zoom, and the wheel alone scrolls the page', async () => {
    await panel.send(snapshot(whole));
    await panel.image('Loss').hover();
    await panel.page.mouse.wheel(0, -300);
    await expect.poll(stepsInView).toEqual([undefined, undefined, undefined]);
    await panel.page.keyboard.down('Control');
    await panel.page.mouse.wheel(0, -300);
    await panel.page.keyboard.up('Control');
    await expectLinkedZoom();
  });

  test('keys zoom and pan a chart that has the focus', async () => {
    await panel.send(snapshot(whole));
    await panel.page.getByRole('figure', { name: 'Loss' }).focus();
    await panel.page.keyboard.press('+');
    expect(await expectLinkedZoom()).toBe('Steps 116 to 349 in view');
    await panel.page.keyboard.press('ArrowRight');
    await expect.poll(stepsInView).toContain('Steps 174 to 407 in view');
    await panel.page.keyboard.press('0');
    await expect.poll(stepsInView).toEqual([undefined, undefined, undefined]);
  });

  test('a zoomed chart stays where it is while the run goes on, and another run is shown whole', async () => {
    await panel.send(snapshot(halfway));
    await panel.page.getByRole('figure', { name: 'Loss' }).focus();
    await panel.page.keyboard.press('+');
    const before = await expectLinkedZoom();
    await panel.send(delta(...trainingEvents(recipe, 400).slice(halfway.length)));
    expect(await expectLinkedZoom()).toBe(before);
    await panel.send(snapshot(halfway, { folder: 'run-2' }));
    expect(await stepsInView()).toEqual([undefined, undefined, undefined]);
  });

  test('pointing at a chart opens its tooltip in the colors of the theme', async () => {
    await panel.send(snapshot(whole));
    const before = await panel.pixels(THEMES.dark.variables['editorHoverWidget-background']!);
    await panel.image('Loss').hover();
    await expect
      .poll(() => panel.pixels(THEMES.dark.variables['editorHoverWidget-background']!))
      .toBeGreaterThan(before + 1000);
  });
});

describe('a long run', () => {
  test('100,000 steps are drawn with a bounded number of points, whole and zoomed in', async () => {
    const long = sampleRecipe({ epochs: 1000, batchSize: 120 });
    expect(long.schedule.totalSteps).toBe(100_000);
    await panel.send({ type: 'snapshot', run: runView(long), events: trainingEvents(long) });
    expect(await panel.summary('Loss')).toContain('Loss over 100,000 steps');
    const [, loss, rate] = await panel.drawnPoints();
    // The raw curve, the smoothed curve and the epochs' curve, 500 to 1000 points each. The planned and the used
    // values.
    expect(loss).toBeGreaterThan(1000);
    expect(loss).toBeLessThanOrEqual(3000);
    expect(rate).toBeLessThanOrEqual(2000);
    await panel.page.getByRole('figure', { name: 'Loss' }).focus();
    await panel.page.keyboard.press('+');
    await expect.poll(() => panel.summary('Loss')).toContain('Steps 25,000 to 75,000 in view');
    expect((await panel.drawnPoints())[1]).toBeLessThanOrEqual(3000);
    await panel.send(delta(doneEvent(long)));
    expect(await text('Done').isVisible()).toBe(true);
  });
});

describe('safety', () => {
  test('a name, a reason and a failure are text, whatever is written in them', async () => {
    const markup = '<img src=x onerror=alert(1)>';
    await panel.send(
      snapshot(halfway, {
        name: markup,
        state: { status: 'failed', failure: { what: markup, remedy: '<script>alert(2)</script>' } },
      }),
    );
    expect(await panel.page.getByRole('heading', { level: 1 }).textContent()).toBe(markup);
    expect(await panel.page.getByRole('alert').textContent()).toContain('<script>alert(2)</script>');
    expect(await panel.page.locator('img').count()).toBe(0);
  });

  test('the policy blocks an inline script and an inline style, and the stand-in is notified', async () => {
    const kept = await host.open();
    const ran = await kept.page.evaluate(() => {
      const script = document.createElement('script');
      script.textContent = 'window.name = "ran"';
      const holder = document.createElement('div');
      holder.innerHTML = '<b style="color: red">x</b>';
      document.body.append(script, holder);
      return window.name;
    });
    expect(ran).toBe('');
    await expect
      .poll(() => kept.page.evaluate(() => window.standIn.violations.length))
      .toBeGreaterThanOrEqual(2);
    const troubles = await kept.close();
    expect(troubles.filter((trouble) => trouble.startsWith('policy: script-src'))).toHaveLength(1);
    expect(troubles.filter((trouble) => trouble.startsWith('policy: style-src'))).toHaveLength(1);
  });
});

describe('theme', () => {
  test.each(['light', 'high contrast'] as const)(
    'curves take the colors of the %s theme at once',
    async (next) => {
      const dark = THEMES.dark.variables;
      const changed = THEMES[next].variables;
      await panel.send(snapshot(whole));
      expect(await panel.pixels(dark['charts-blue']!)).toBeGreaterThan(0);
      expect(await panel.pixels(changed['charts-blue']!)).toBe(0);
      await panel.setTheme(next);
      expect(await panel.pixels(dark['charts-blue']!)).toBe(0);
      expect(await panel.pixels(changed['charts-blue']!)).toBeGreaterThan(0);
    },
  );
});

test('a curve is opaque in a color that the theme uses for overlays', async () => {
  await panel.setTheme('overlays');
  await panel.send(snapshot(whole));
  expect(await panel.pixels('#ea5c00')).toBeGreaterThan(0);
});

describe('motion', () => {
  const animations = () => panel.page.evaluate(() => document.getAnimations().length);

  test('nothing moves by itself with reduced motion', async () => {
    await panel.send(snapshot(halfway));
    expect(await animations()).toBe(1);
    await panel.page.emulateMedia({ reducedMotion: 'reduce' });
    expect(await animations()).toBe(0);
    await panel.page.emulateMedia({ reducedMotion: 'no-preference' });
    await panel.page.evaluate(() => document.body.classList.add('vscode-reduce-motion'));
    expect(await animations()).toBe(0);
  });
});

describe('restored', () => {
  test('a panel saves its run and its table, and a reload opens the table again', async () => {
    await panel.send(snapshot(halfway));
    expect(await panel.savedState()).toEqual({ folder: run.folder, showTable: false });
    await button('Show epoch table').click();
    expect(await panel.savedState()).toEqual({ folder: run.folder, showTable: true });
    await panel.reload();
    expect(await panel.posted()).toEqual([{ type: 'ready' }]);
    await panel.send(snapshot(halfway));
    expect(await panel.page.getByRole('table').isVisible()).toBe(true);
    expect(await panel.summary('Loss')).toContain('Loss over 300 steps');
  });

  test('a panel without a run saves nothing', async () => {
    await panel.send(snapshot(halfway), { type: 'clear', reason: 'The run was deleted.' });
    expect(await panel.savedState()).toBeNull();
  });
});

describe('language', () => {
  test('texts use the translations that the page carries', async () => {
    const german = await PanelHost.start({ 'Open log': 'Protokoll "öffnen" & <mehr>' });
    try {
      const translated = await german.open();
      await translated.send(snapshot(halfway));
      const name = 'Protokoll "öffnen" & <mehr>';
      expect(await translated.page.getByRole('button', { name, exact: true }).isVisible()).toBe(true);
      expect(await translated.close()).toEqual([]);
    } finally {
      await german.stop();
    }
  });
});
