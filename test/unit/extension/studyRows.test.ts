import { expect, test } from 'vitest';
import { otherStudies, runsOfStudy, runsOutside, studiesOf } from '../../../src/extension/views/studyRows';
import type { KnownStudy } from '../../../src/protocol/studyView';
import { runningStudy } from '../../support/studies';

const study: KnownStudy = { kind: 'study', facts: runningStudy() };
const damaged: KnownStudy = {
  kind: 'damaged',
  folder: '/project/.bag-of-tricks/studies/old',
  id: 'old',
  failure: { what: 'Its study.json is damaged.', remedy: 'Delete it.' },
};
const studies = [damaged, study];
const [reused, trained] = study.facts.runs.map(({ folder }) => ({ folder: folder! }));
const own = { folder: '/project/.bag-of-tricks/runs/by-hand' };

test('a study is listed below its experiment file, however its path is written', () => {
  expect(studiesOf(studies, '/project/fashion-mnist.experiment.yaml')).toEqual([study]);
  expect(studiesOf(studies, '/project/other/../fashion-mnist.experiment.yaml')).toEqual([study]);
  expect(studiesOf(studies, '/project/other.experiment.yaml')).toEqual([]);
});

test('damaged studies, and those whose experiment is gone, are listed on their own', () => {
  expect(otherStudies(studies, ['/project/fashion-mnist.experiment.yaml'])).toEqual([damaged]);
  expect(otherStudies(studies, [])).toEqual(studies);
});

test('a run that its study trained is listed only below the study, and an earlier one also next to it', () => {
  expect(runsOutside([own, reused!, trained!], studies)).toEqual([own, reused]);
});

test("a study's runs are the existing ones, in the order of its plan", () => {
  const runs = runsOfStudy(study, (folder) => ({ folder }));
  expect(runs).toHaveLength(24);
  expect(runs[0]).toEqual(reused);
  expect(runsOfStudy(study, (folder) => (folder === trained!.folder ? trained : undefined))).toEqual([
    trained,
  ]);
  expect(runsOfStudy(damaged, (folder) => ({ folder }))).toEqual([]);
});
