import { describe, expect, test } from 'vitest';
import type { StudyRunOutcome } from '../../../../src/protocol/study';
import { analyzeStudy } from '../../../../src/study/analysis/index';
import { fullFactorial, planOf, studyOf } from './studies';

const IMAGES = 203;
const CUBE = fullFactorial([2, 2]);

/** Returns right or wrong answers from a rule that mixes run, setting and image. */
function answers(setting: readonly number[], run: number, offset: number): Uint8Array {
  return Uint8Array.from({ length: IMAGES }, (_, image) => {
    const wave =
      Math.sin(78.233 * (image + 1 + offset) + 12.9898 * (run + 1) * ((image % 7) + 1)) * 43758.5453;
    const chance =
      0.55 +
      0.4 * Math.sin(image + offset) ** 2 +
      0.3 * ((setting[0] ?? 0) + (setting[1] ?? 0)) * ((image % 3) - 1);
    return wave - Math.floor(wave) < chance ? 1 : 0;
  });
}

function studyWith(blocks: number, images: 'shared' | 'folds', keeps: (run: number) => boolean = () => true) {
  const plan = planOf(Array.from({ length: blocks }, () => CUBE));
  const study = studyOf([2, 2], plan, () => 0, { images });
  const runs = study.runs.map((run, index): StudyRunOutcome => {
    const correct = answers(run.setting, index, images === 'folds' ? 1000 * run.block : 0);
    const value = (100 * correct.reduce((sum, each) => sum + each, 0)) / IMAGES;
    return { ...run, outcome: { kind: 'finished', value, correct: keeps(index) ? correct : null } };
  });
  return { ...study, runs };
}

const correctOf = ({ outcome }: StudyRunOutcome) =>
  outcome.kind === 'finished' && outcome.correct ? outcome.correct : new Uint8Array(0);

describe('the interval for new images', () => {
  test('is the sum of both parts, image by image', () => {
    const study = studyWith(4, 'shared');
    const { effects, interactionsLeftOut, noise } = analyzeStudy(study);
    expect(interactionsLeftOut).toBe('none');
    // Balanced, so the contrast is a difference of means, and the image residuals are those of a saturated 2 by 2
    // design with blocks.
    const runs = study.runs;
    const weight = (factor: number, run: StudyRunOutcome) =>
      ((run.setting[factor] === 1 ? 1 : -1) * 2) / runs.length;
    const mean = (values: readonly number[]) => values.reduce((sum, each) => sum + each, 0) / values.length;
    [0, 1].forEach((factor) => {
      const contrasts: number[] = [];
      let squares = 0;
      for (let image = 0; image < IMAGES; image++) {
        const y = runs.map((run) => 100 * (correctOf(run)[image] ?? 0));
        contrasts.push(runs.reduce((sum, run, index) => sum + weight(factor, run) * (y[index] ?? 0), 0));
        const cells = CUBE.map((setting) =>
          mean(y.filter((_, index) => runs[index]?.setting.join() === setting.join())),
        );
        const blocks = [0, 1, 2, 3].map((block) =>
          mean(y.filter((_, index) => runs[index]?.block === block)),
        );
        const all = mean(y);
        const residual = runs.reduce((sum, run, index) => {
          const cell = cells[CUBE.findIndex((setting) => setting.join() === run.setting.join())] ?? 0;
          return sum + ((y[index] ?? 0) - cell - (blocks[run.block] ?? 0) + all) ** 2;
        }, 0);
        // Nine degrees of freedom: 16 runs minus 4 blocks, 2 effects and an interaction.
        squares += (residual / 9) * (4 / runs.length);
      }
      const center = mean(contrasts);
      const spread = contrasts.reduce((sum, each) => sum + (each - center) ** 2, 0) / (IMAGES - 1) / IMAGES;
      const these = effects[factor]?.estimates?.onTheseImages.standardError ?? 0;
      expect(spread).toBeGreaterThan((1.2 * squares) / IMAGES ** 2);
      const expected = these ** 2 + Math.max(spread - squares / IMAGES ** 2, 0);
      const actual = effects[factor]?.estimates?.onNewImages?.standardError ?? 0;
      expect(noise?.degrees).toBe(9);
      // The formula may or may not center residuals over images: the difference is one part in the number of images.
      expect(actual ** 2 / expected).toBeCloseTo(1, 2);
    });
  });

  test('is never narrower than the one for these, if images are shared', () => {
    for (const { estimates } of analyzeStudy(studyWith(4, 'shared')).effects) {
      expect(estimates?.onNewImages?.standardError).toBeGreaterThanOrEqual(
        estimates?.onTheseImages.standardError ?? Number.NaN,
      );
    }
  });

  test('is missing if the runs alone have none, however well the images are known', () => {
    const study = studyOf([2, 2], planOf([CUBE]), () => 0);
    // Each factor flips the answers on a third of the images, and runs differ by two images in the last third.
    const runs = study.runs.map((run, index): StudyRunOutcome => {
      const correct = Uint8Array.from({ length: IMAGES }, (_, image) => {
        const level = run.setting[image % 3];
        return Number(level === undefined ? image < 100 + 3 * (index % 3) : level === (image & 1));
      });
      const value = (100 * correct.reduce((sum, each) => sum + each, 0)) / IMAGES;
      return { ...run, outcome: { kind: 'finished', value, correct } };
    });
    const { effects, noise, withheld, chosen } = analyzeStudy({ ...study, runs });
    expect(noise?.degrees).toBe(1);
    expect(withheld).toBe('one_block');
    for (const { estimates, pDifferent } of effects) {
      const onNew = estimates?.onNewImages?.standardError ?? 0;
      expect(onNew).toBeGreaterThan(3 * (estimates?.onTheseImages.standardError ?? Number.NaN));
      expect(estimates?.onTheseImages.halfWidth).toBeNull();
      expect(estimates?.onNewImages?.halfWidth).toBeNull();
      expect(pDifferent).toBeNull();
    }
    expect(chosen?.gain.halfWidth).toBeNull();
  });

  test('exists with a fold for each block', () => {
    const { effects } = analyzeStudy(studyWith(4, 'folds'));
    for (const { estimates } of effects) expect(estimates?.onNewImages?.halfWidth).toBeGreaterThan(0);
  });

  test('is missing if a run kept no correctness, and for metrics other than accuracy', () => {
    const lacking = analyzeStudy(studyWith(4, 'shared', (run) => run !== 5));
    expect(lacking.effects[0]?.estimates?.onNewImages).toBeNull();
    const metric = { name: 'macro_f1', higherIsBetter: true, isAccuracy: false };
    const other = analyzeStudy({ ...studyWith(4, 'shared'), metric });
    expect(other.effects[0]?.estimates?.onNewImages).toBeNull();
  });

  test('that images limit says that more blocks do not help', () => {
    const study = studyWith(4, 'shared');
    const { effects } = analyzeStudy({ ...study, runs: study.runs.slice(0, 12), smallestEffect: 0.05 });
    expect(effects[0]).toMatchObject({ verdict: 'undecided', blocksNeeded: null, needsMoreImages: true });
  });
});

test('noise of a factor of three levels that differs widens the intervals of the noisy level', () => {
  const settings = fullFactorial([3, 2]);
  const blocks = Array.from({ length: 4 }, () => settings);
  const study = studyOf([3, 2], planOf(blocks), ([a], block, index) => {
    const wave = Math.sin(12.9898 * (index + 1)) * 43758.5453;
    return 90 + 0.1 * block + (a === 2 ? 3 : 0.1) * (wave - Math.floor(wave) - 0.5);
  });
  const { noise, effects } = analyzeStudy(study);
  expect(noise?.isUneven).toBe(true);
  const [first, second] = effects.map(({ estimates }) => estimates?.onTheseImages.standardError ?? 0);
  expect(second).toBeGreaterThan(1.5 * (first ?? 0));
});
