import { afterAll, beforeAll, expect, test } from 'vitest';
import { studyView } from '../../src/insight/study/results/studyView';
import type { ToStudyPage } from '../../src/protocol/studyPage';
import type { StudyFacts } from '../../src/protocol/studyView';
import { divergedStudy, manyLevels, newStudy, oneBlock, runningStudy, studyFacts } from '../support/studies';
import { type Panel, PanelHost } from './panel';
import { THEMES, type ThemeName } from './themes';

let host: PanelHost;
beforeAll(async () => {
  host = await PanelHost.start();
});
afterAll(() => host.stop());

interface Picture {
  readonly name: string;
  readonly facts: StudyFacts;
  readonly theme?: ThemeName;
  readonly width?: number;
  readonly details?: boolean;
}

const failed = runningStudy({
  state: {
    status: 'failed',
    failure: {
      what: 'The run which-tricks-pay-2-5 failed three times: the disk is full.',
      remedy: 'Free some space on /project.',
    },
  },
  secondsLeft: null,
});

const PICTURES: readonly Picture[] = [
  { name: 'done', facts: studyFacts() },
  { name: 'light', facts: studyFacts(), theme: 'light' },
  { name: 'high-contrast', facts: studyFacts(), theme: 'high contrast' },
  { name: 'details', facts: studyFacts(), details: true },
  { name: 'wide', facts: studyFacts(), width: 1500 },
  { name: 'narrow', facts: studyFacts(), width: 400 },
  { name: 'narrow-details', facts: studyFacts(), width: 400, theme: 'light', details: true },
  { name: 'medium', facts: studyFacts(), width: 700, theme: 'light' },
  { name: 'running', facts: runningStudy() },
  { name: 'new', facts: newStudy() },
  { name: 'one-block', facts: oneBlock(), theme: 'light' },
  { name: 'diverged', facts: divergedStudy(), theme: 'light', details: true },
  { name: 'many-levels', facts: manyLevels(), width: 700 },
  { name: 'failed', facts: failed },
];

/** Whether anything extends beyond the panel's right edge. */
function overflows(panel: Panel): Promise<boolean> {
  return panel.page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
}

test.each(PICTURES)('$name fits its panel in the colors of its theme', async (picture) => {
  const theme = picture.theme ?? 'dark';
  const panel = await host.open({ page: 'study', theme, width: picture.width });
  await panel.send({ type: 'snapshot', view: studyView(picture.facts) });
  if (picture.details) await panel.page.getByRole('button', { name: 'Show details' }).click();
  await panel.drawn();
  await panel.screenshot(picture.name);
  expect(await overflows(panel)).toBe(false);
  const color = await panel.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  expect(color).toBe(rgb(THEMES[theme].variables['editor-background']!));
  expect(await panel.close()).toEqual([]);
});

test.each<[string, ToStudyPage]>([
  [
    'damaged',
    {
      type: 'damaged',
      folder: '/project/.bag-of-tricks/studies/old',
      id: 'old',
      failure: { what: 'study.json is no JSON: line 3.', remedy: 'Delete the study, or restore the file.' },
    },
  ],
  ['empty', { type: 'clear', reason: 'The study was deleted.' }],
])('a page that is %s fits its panel', async (name, message) => {
  const panel = await host.open({ page: 'study' });
  await panel.send(message);
  await panel.screenshot(name);
  expect(await overflows(panel)).toBe(false);
  expect(await panel.close()).toEqual([]);
});

/** Converts '#1f1f1f' to the form that a browser writes. */
function rgb(hex: string): string {
  const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
  return `rgb(${red}, ${green}, ${blue})`;
}
