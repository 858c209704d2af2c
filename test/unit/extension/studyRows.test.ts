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

test('a study stands below its experiment file, whatever way that is written', () => {
  expect(studiesOf(studies, '/project/fashion-mnist.experiment.yaml')).toEqual([study]);
  expect(studiesOf(studies, '/project/other/../fashion-mnist.experiment.yaml')).toEqual([study]);
  expect(studiesOf(studies, '/project/other.experiment.yaml')).toEqual([]);
});

test('studies that are damaged or whose experiment is gone stand by themselves', () => {
  expect(otherStudies(studies, ['/project/fashion-mnist.experiment.yaml'])).toEqual([damaged]);
  expect(otherStudies(studies, [])).toEqual(studies);
});

test('a run that its study trained stands below the study alone, one from before beside it as well', () => {
  expect(runsOutside([own, reused!, trained!], studies)).toEqual([own, reused]);
});

test("a study's runs are those that are there, in the order of its plan", () => {
  const runs = runsOfStudy(study, (folder) => ({ folder }));
  expect(runs).toHaveLength(24);
  expect(runs[0]).toEqual(reused);
  expect(runsOfStudy(study, (folder) => (folder === trained!.folder ? trained : undefined))).toEqual([
    trained,
  ]);
  expect(runsOfStudy(damaged, (folder) => ({ folder }))).toEqual([]);
});
