import { expect, test } from 'vitest';
import { studyView } from '../../../src/insight/study/results/studyView';
import { isFromStudyPage, isStudyPageState, isToStudyPage } from '../../../src/protocol/studyPage';
import { studyFacts } from '../../support/studies';

const folder = '/project/.bag-of-tricks/studies/a';

test.each([
  { type: 'snapshot', view: studyView(studyFacts()) },
  { type: 'damaged', folder, id: 'a', failure: { what: 'It is damaged.', remedy: 'Delete it.' } },
  { type: 'clear', reason: 'It was deleted.' },
])('a page accepts $type', (message) => {
  expect(isToStudyPage(JSON.parse(JSON.stringify(message)))).toBe(true);
});

test.each([
  null,
  'snapshot',
  { type: 'snapshot' },
  { type: 'snapshot', view: { ...studyView(studyFacts()), state: { status: 'unheard-of' } } },
  { type: 'damaged', folder, id: 'a', failure: { what: 'It is damaged.' } },
  { type: 'clear' },
  { type: 'toString' },
])('a page rejects %o', (message) => {
  expect(isToStudyPage(message)).toBe(false);
});

test.each([
  { type: 'ready' },
  ...['stop', 'resume', 'confirm', 'keep', 'report', 'openExperiment', 'openStudyFile'].map((type) => ({
    type,
    folder,
  })),
  { type: 'openRun', folder, run: '/project/.bag-of-tricks/runs/a' },
])('the host accepts $type', (message) => {
  expect(isFromStudyPage(message)).toBe(true);
});

test.each([
  {},
  { type: 'stop' },
  { type: 'openRun', folder },
  { type: 'toString', folder },
  { type: 'delete', folder },
])('the host rejects %o', (message) => {
  expect(isFromStudyPage(message)).toBe(false);
});

test('only what a page saved is accepted as its state', () => {
  expect(isStudyPageState({ folder, showDetails: true, pair: null })).toBe(true);
  expect(isStudyPageState({ folder, showDetails: true, pair: 'a × b' })).toBe(true);
  expect(isStudyPageState({ folder, showDetails: true })).toBe(false);
  expect(isStudyPageState(undefined)).toBe(false);
});
