import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { studyView } from '../../src/insight/study/results/studyView';
import type { ToStudyPage } from '../../src/protocol/studyPage';
import type { StudyFacts } from '../../src/protocol/studyView';
import { divergedStudy, newStudy, oneBlock, runningStudy, studyFacts } from '../support/studies';
import { type Panel, PanelHost } from './panel';
import { THEMES } from './themes';

let host: PanelHost;
let panel: Panel;
beforeAll(async () => {
  host = await PanelHost.start();
});
afterAll(() => host.stop());
beforeEach(async () => {
  panel = await host.open({ page: 'study' });
});
/** No test's panel logs an error or a warning, opens a dialog, or violates its content security policy. */
afterEach(async () => {
  expect(await panel.close()).toEqual([]);
});

const snapshot = (facts: StudyFacts): ToStudyPage => ({ type: 'snapshot', view: studyView(facts) });
const { folder } = studyFacts();
const button = (name: string) => panel.page.getByRole('button', { name, exact: true });
const pageText = () => panel.page.getByRole('main').ariaSnapshot();
const requests = async () => (await panel.asked()).filter(({ type }) => type !== 'ready');

describe('what is shown', () => {
  test('the table in the shape of the paper, each row with its verdict, cost and source', async () => {
    await panel.send(snapshot(studyFacts()));
    const table = panel.page.getByRole('table', { name: 'Effects' });
    expect(await table.getByRole('columnheader').allTextContents()).toEqual([
      'Trick',
      'Effect on new images like these',
      expect.stringContaining('Forest plot'),
      'Verdict',
      'Cost',
      'Reported on ImageNet',
    ]);
    const row = table.getByRole('row', { name: /^mixup/ });
    const cells = (await row.getByRole('cell').allTextContents()).map((text) =>
      text.replace(/\s+/g, ' ').trim(),
    );
    expect(cells[0]).toBe('−0.35 ± 0.14');
    expect(cells[2]).toContain('hurts');
    expect(cells[3]).toContain('+5.5% time, +18 MiB');
    expect(cells[4]).toContain('+0.84, +0.62');
  });

  test('each interval of the forest plot is an image that says its numbers, in the row of its effect', async () => {
    await panel.send(snapshot(studyFacts()));
    const row = panel.page.getByRole('row', { name: /^label_/ });
    const image = row.getByRole('img');
    expect(await image.getAttribute('aria-label')).toBe(
      'label_smoothing: +0.42, 95% interval +0.28 to +0.56',
    );
    const rows = (await row.boundingBox())!;
    const plot = (await image.boundingBox())!;
    expect(plot.y).toBeGreaterThanOrEqual(rows.y);
    expect(plot.y + plot.height).toBeLessThanOrEqual(rows.y + rows.height + 1);
  });

  test('marks are placed at their values: further right, the larger the effect', async () => {
    await panel.send(snapshot(studyFacts()));
    const points = await panel.page.locator('circle.point').all();
    const places = await Promise.all(points.map(async (point) => (await point.boundingBox())!.x));
    const values = studyView(studyFacts()).effects.map(({ plot }) => plot!.value);
    const order = (numbers: readonly number[]) =>
      numbers.map((_, i) => i).toSorted((a, b) => numbers[a]! - numbers[b]!);
    expect(order(places)).toEqual(order(values));
  });

  test('an effect shows what it may be due to, and a set its caution', async () => {
    await panel.send(snapshot(divergedStudy()));
    const words = await pageText();
    expect(words).toContain('may be due to mixup × label_smoothing');
    expect(words).toContain(
      'Extended: the budget was raised after results were seen, so the error rate is not controlled.',
    );
    expect(words).toContain('cannot be estimated from the finished runs');
    await panel.send(snapshot(studyFacts()));
    expect(await pageText()).toContain('biased upward');
  });

  test('a study before its first run, one without verdicts, one that failed', async () => {
    await panel.send(snapshot(newStudy()));
    expect(await pageText()).toContain('No run has completed yet');
    await panel.send(snapshot(oneBlock()));
    expect(await pageText()).toContain('Verdicts are withheld: one block');
    const failure = { what: 'The run failed three times.', remedy: 'Free some space.' };
    await panel.send(snapshot(runningStudy({ state: { status: 'failed', failure } })));
    const alert = panel.page.getByRole('alert');
    expect(await alert.textContent()).toMatch(/The run failed three times\.\s+Free some space\./);
  });

  test('a damaged study is shown as such, and a deleted one is gone', async () => {
    const failure = { what: 'Its study.json is damaged.', remedy: 'Delete the folder.' };
    await panel.send({ type: 'damaged', folder, id: 'old', failure });
    expect(await panel.page.getByRole('heading', { level: 1 }).textContent()).toBe('old');
    expect(await panel.page.getByRole('alert').textContent()).toContain('Delete the folder.');
    await panel.send({ type: 'clear', reason: 'The study was deleted.' });
    expect(await panel.page.getByRole('status').textContent()).toBe('The study was deleted.');
  });

  test('names from files are text', async () => {
    const name = '<img src=x onerror=alert(1)>';
    await panel.send(snapshot(studyFacts({ name })));
    expect(await panel.page.getByRole('heading', { level: 1 }).textContent()).toBe(name);
    expect(await panel.page.locator('img').count()).toBe(0);
  });
});

describe('requests', () => {
  test('a running study can be stopped, and says that it stops until it has', async () => {
    await panel.send(snapshot(runningStudy()));
    await button('Stop').click();
    await panel.drawn();
    expect(await requests()).toEqual([{ type: 'stop', folder }]);
    expect(await button('Stop').count()).toBe(0);
    expect(await pageText()).toContain('Stopping...');
    await panel.send(snapshot(runningStudy({ state: { status: 'stopped', because: null } })));
    await button('Resume').click();
    expect((await requests()).at(-1)).toEqual({ type: 'resume', folder });
  });

  test('a finished one is confirmed, kept and reported; its files open', async () => {
    await panel.send(snapshot(studyFacts()));
    for (const name of ['Confirm', 'Keep what helps', 'Open report', 'Open experiment', 'Open study file']) {
      await button(name).click();
    }
    expect((await requests()).map(({ type }) => type)).toEqual([
      'confirm',
      'keep',
      'report',
      'openExperiment',
      'openStudyFile',
    ]);
    await panel.send(snapshot(studyFacts({ studyFile: null })));
    expect(await button('Open study file').count()).toBe(0);
  });

  test("a run's name opens its dashboard, by the keyboard too; a planned run has none", async () => {
    await panel.send(snapshot(runningStudy()));
    const link = panel.page.getByRole('link', { name: 'which-tricks-pay-1-2', exact: true });
    await link.focus();
    await panel.page.keyboard.press('Enter');
    expect(await requests()).toEqual([
      { type: 'openRun', folder, run: '/project/.bag-of-tricks/runs/which-tricks-pay-1-2' },
    ]);
    expect(await panel.page.getByRole('link').count()).toBe(24);
  });

  test('another pair can be chosen, and stays chosen', async () => {
    await panel.send(snapshot(studyFacts()));
    const image = () => panel.page.getByRole('img', { name: /^Interaction of/ }).getAttribute('aria-label');
    expect(await image()).toBe(
      'Interaction of mixup × label_smoothing: mixup helps only without label_smoothing: +0.40 against −0.10',
    );
    await panel.page.getByRole('combobox', { name: 'Pair' }).selectOption('warmup × mixup');
    await panel.drawn();
    expect(await image()).toContain('warmup × mixup');
    await panel.send(snapshot(studyFacts({ name: 'renamed' })));
    expect(await image()).toContain('warmup × mixup');
    expect(await panel.page.getByRole('combobox').inputValue()).toBe('warmup × mixup');
  });
});

describe('while it runs', () => {
  test('new results neither take the focus nor scroll the page', async () => {
    await panel.send(snapshot(runningStudy()));
    const link = panel.page.getByRole('link', { name: 'which-tricks-pay-2-3', exact: true });
    await link.focus();
    const scrolled = await panel.page.evaluate(() => window.scrollY);
    expect(scrolled).toBeGreaterThan(0);
    await panel.send(snapshot(runningStudy({ secondsLeft: 4000 })), snapshot(studyFacts()));
    expect(await panel.page.evaluate(() => document.activeElement?.textContent)).toBe('which-tricks-pay-2-3');
    const moved = Math.abs((await panel.page.evaluate(() => window.scrollY)) - scrolled);
    // The browser anchors the content in view. The page above it may grow by its sections.
    const box = (await link.boundingBox())!;
    expect(box.y).toBeGreaterThanOrEqual(0);
    expect(moved).toBeLessThan(900);
  });

  test('a screen reader announces runs that end', async () => {
    await panel.send(snapshot(runningStudy()));
    expect(await panel.page.getByRole('status').textContent()).toBe(
      'Running, 20 of 32 runs, 1 of them reused',
    );
    const bar = panel.page.getByRole('progressbar', { name: 'Runs' });
    expect(await bar.getAttribute('aria-valuenow')).toBe('63');
  });

  test('a restored panel has its details and its pair', async () => {
    await panel.send(snapshot(studyFacts()));
    await button('Show details').click();
    await panel.page.getByRole('combobox', { name: 'Pair' }).selectOption('warmup × mixup');
    expect(await panel.savedState()).toEqual({ folder, showDetails: true, pair: 'warmup × mixup' });
    await panel.reload();
    await panel.send(snapshot(studyFacts()));
    expect(await pageText()).toContain('within the chosen set: +0.36 ± 0.21');
    expect(await panel.page.getByRole('combobox').inputValue()).toBe('warmup × mixup');
  });
});

describe('accessibility', () => {
  test('marks use the colors of the theme, and change with it', async () => {
    await panel.send(snapshot(studyFacts()));
    const fill = () =>
      panel.page
        .locator('tr.good circle.point')
        .first()
        .evaluate((point) => getComputedStyle(point).fill);
    const before = await fill();
    await panel.setTheme('light');
    expect(await fill()).not.toBe(before);
    expect(await fill()).toBe(rgb(THEMES.light.variables['charts-green']!));
  });

  test('every image, table, region and control has a name', async () => {
    for (const facts of [studyFacts(), divergedStudy(), runningStudy()]) {
      await panel.send(snapshot(facts));
      const unnamed = await panel.page.evaluate(() => {
        const named = '[role=img],table:not(.pair-values),[role=region],select,section[aria-label]';
        return [...document.querySelectorAll(named)]
          .filter((element) => {
            const labeled = element.getAttribute('aria-labelledby');
            const text =
              element.getAttribute('aria-label') ??
              (labeled && document.getElementById(labeled)?.textContent) ??
              (element instanceof HTMLSelectElement && element.labels[0]?.textContent) ??
              '';
            const inRegion = element.closest('[role=region][aria-labelledby]');
            return !text && !inRegion;
          })
          .map((element) => element.outerHTML.slice(0, 80));
      });
      expect(unnamed).toEqual([]);
    }
  });

  test('a narrow panel keeps the roles of the table', async () => {
    await panel.page.setViewportSize({ width: 400, height: 800 });
    await panel.send(snapshot(studyFacts()));
    const table = panel.page.getByRole('table', { name: 'Effects' });
    expect(await table.getByRole('rowheader').count()).toBe(5);
    expect(await table.getByRole('row', { name: /^ema/ }).getByRole('cell').count()).toBe(5);
  });

  test('nothing moves with reduced motion', async () => {
    const still = await host.open({ page: 'study', still: true });
    await still.send(snapshot(runningStudy()));
    const icon = still.page.locator('.state-icon.running').first();
    expect(await icon.evaluate((element) => getComputedStyle(element).animationName)).toBe('none');
    expect(await still.close()).toEqual([]);
  });

  test('texts use the language of the editor', async () => {
    const abroad = await PanelHost.start({ Verdict: 'Urteil', Runs: 'Läufe' });
    const translated = await abroad.open({ page: 'study' });
    await translated.send(snapshot(studyFacts()));
    expect(await translated.page.getByRole('columnheader', { name: 'Urteil' }).count()).toBe(1);
    expect(await translated.close()).toEqual([]);
    await abroad.stop();
  });
});

/** Converts '#1f1f1f' to the form that a browser writes. */
function rgb(hex: string): string {
  const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
  return `rgb(${red}, ${green}, ${blue})`;
}
