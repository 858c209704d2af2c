import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { StudyRunOutcome, StudySetting } from '../../../../src/protocol/study';
import { analyzeStudy } from '../../../../src/study/analysis/index';
import { fullFactorial, planOf, studyOf } from './studies';

const CUBE = fullFactorial([2, 2, 2]);

/** Returns deterministic noise between -1 and 1 that depends only on the index. Its sum has no particular value. */
function noiseAt(index: number): number {
  const wave = Math.sin(12.9898 * (index + 1)) * 43758.5453;
  return 2 * (wave - Math.floor(wave)) - 1;
}

const cube = (blocks: number) => planOf(Array.from({ length: blocks }, () => CUBE));
const value =
  (size: number) =>
  ([a, b, c]: StudySetting, block: number, index: number) =>
    90 + 0.1 * block + 0.8 * (a ?? 0) - 0.5 * (b ?? 0) + 0.01 * (c ?? 0) + size * noiseAt(index);

describe('verdicts', () => {
  test('say what helps, what hurts and what is too small', () => {
    const { effects, withheld, chosen } = analyzeStudy(studyOf([2, 2, 2], cube(4), value(0.1)));
    expect(withheld).toBeNull();
    expect(effects.map(({ verdict }) => verdict)).toEqual(['helps', 'hurts', 'too_small']);
    expect(chosen?.setting.slice(0, 2)).toEqual([1, 0]);
  });

  test('reverse if lower is better', () => {
    const metric = { name: 'validation_loss', higherIsBetter: false, isAccuracy: false };
    const { effects, chosen } = analyzeStudy(studyOf([2, 2, 2], cube(4), value(0.1), { metric }));
    expect(effects.map(({ verdict }) => verdict)).toEqual(['hurts', 'helps', 'too_small']);
    expect(chosen?.setting.slice(0, 2)).toEqual([0, 1]);
  });

  test('say both of an effect that exists and is too small', () => {
    const { effects } = analyzeStudy(studyOf([2, 2, 2], cube(4), value(0.01), { smallestEffect: 1 }));
    expect(effects[0]?.verdict).toBe('helps_but_too_small');
    expect(effects[1]?.verdict).toBe('hurts_but_too_small');
  });

  test('are undecided in much noise, with the blocks that halve the smallest effect', () => {
    const { effects } = analyzeStudy(studyOf([2, 2, 2], cube(2), value(0.8), { smallestEffect: 0.3 }));
    const undecided = effects.find(({ verdict }) => verdict === 'undecided');
    const half = undecided?.estimates?.onTheseImages.halfWidth ?? 0;
    expect(half).toBeGreaterThan(0.15);
    // Widths shrink with the square root of the number of blocks, and slightly more with the degrees of freedom.
    const byRoot = 2 * (half / 0.15) ** 2;
    expect(undecided?.blocksNeeded).toBeGreaterThan(2);
    expect(undecided?.blocksNeeded).toBeLessThanOrEqual(Math.ceil(byRoot));
    expect(undecided?.blocksNeeded).toBeGreaterThan(byRoot / 2);
  });

  test('are withheld for one block, whose intervals are shown', () => {
    const plan = planOf([fullFactorial([2, 2, 2, 2])]);
    const { withheld, effects } = analyzeStudy(studyOf([2, 2, 2, 2], plan, value(0.1)));
    expect(withheld).toBe('one_block');
    expect(effects[0]).toMatchObject({ verdict: 'undecided', pDifferent: null });
    expect(effects[0]?.estimates?.onTheseImages.halfWidth).toBeGreaterThan(0);
  });

  test('are withheld with too few degrees of freedom, without intervals', () => {
    const plan = planOf([
      [
        [0, 0],
        [1, 0],
        [0, 1],
      ],
      [
        [0, 0],
        [1, 0],
        [0, 1],
      ],
    ]);
    const { withheld, effects, noise } = analyzeStudy(studyOf([2, 2], plan, value(0.1)));
    expect(noise?.degrees).toBe(2);
    expect(withheld).toBe('too_few_degrees');
    expect(effects[0]?.estimates?.onTheseImages.halfWidth).toBeNull();
  });

  test('wait for the last block if the study does not look early', () => {
    const study = studyOf([2, 2, 2], cube(4), value(0.1));
    expect(analyzeStudy({ ...study, runs: study.runs.slice(0, 31) }).withheld).toBe('unfinished');
    const lost = study.runs.map(
      (run, index): StudyRunOutcome => (index === 31 ? { ...run, outcome: { kind: 'failed' } } : run),
    );
    expect(analyzeStudy({ ...study, runs: lost }).withheld).toBeNull();
  });

  test('are given, and labeled, after the budget was raised', () => {
    const study = studyOf([2, 2, 2], cube(4), value(0.1), { blocksBudgeted: 6, isExtended: true });
    expect(analyzeStudy(study)).toMatchObject({ withheld: null, isExtended: true, look: null });
  });
});

describe('seeds', () => {
  const repeated = (loss: number | null, different = false) => {
    const study = studyOf(
      [2, 2, 2],
      cube(2),
      ([a, b, c], block, index) =>
        value(0.1)([a ?? 0, b ?? 0, c ?? 0], 0, different ? index : index % 8) + 0 * block,
    );
    return {
      ...study,
      runs: study.runs.map(
        (run): StudyRunOutcome =>
          run.outcome.kind === 'finished' ? { ...run, outcome: { ...run.outcome, loss } } : run,
      ),
    };
  };

  test('that give the same digits withhold the verdicts', () => {
    expect(analyzeStudy(repeated(0.5))).toMatchObject({ seedsIgnored: true, withheld: 'seeds_ignored' });
    expect(analyzeStudy(repeated(null))).toMatchObject({ seedsIgnored: true });
  });

  test('that give others do not', () => {
    expect(analyzeStudy(repeated(0.5, true))).toMatchObject({ seedsIgnored: false, withheld: null });
  });
});

describe('runs that diverged', () => {
  const study = studyOf([2, 2, 2], cube(4), value(0.1));
  const diverge = (isLost: (setting: StudySetting, block: number) => boolean) =>
    analyzeStudy({
      ...study,
      runs: study.runs.map(
        (run): StudyRunOutcome =>
          isLost(run.setting, run.block) ? { ...run, outcome: { kind: 'diverged' } } : run,
      ),
    });

  test('are left out, and counted by level', () => {
    const analysis = diverge(([a], block) => a === 1 && block === 0);
    expect(analysis.runsDiverged).toBe(4);
    expect(analysis.runsUsed).toBe(28);
    expect(analysis.divergences[0]).toMatchObject({
      divergedWith: 4,
      runsWith: 16,
      divergedWithout: 0,
      runsWithout: 16,
    });
    expect(analysis.effects[0]?.verdict).toBe('helps');
  });

  test('leave an effect without estimate if no run with its level finished', () => {
    const analysis = diverge(([a]) => a === 1);
    expect(analysis.effects[0]?.estimates).toBeNull();
    expect(analysis.effects[0]?.verdict).toBe('undecided');
    expect(analysis.effects[1]?.estimates).not.toBeNull();
    expect(analysis.chosen?.setting[0]).toBe(0);
  });
});

describe('interactions', () => {
  test('are found, and described by simple effects', () => {
    const { interactions, effects } = analyzeStudy(
      studyOf(
        [2, 2, 2],
        cube(4),
        ([a, b], _, index) => 90 + 0.5 * (a ?? 0) - 0.6 * (a ?? 0) * (b ?? 0) + 0.1 * noiseAt(index),
      ),
    );
    const [first, second] = interactions;
    expect(first).toMatchObject({ pair: [0, 1], isShown: true });
    expect(first?.firstWithout).toBeCloseTo(0.5, 1);
    expect(first?.firstWith).toBeCloseTo(-0.1, 1);
    expect(second?.isShown).toBe(false);
    // The effect averaged over the other factor's levels, and the effect in the chosen set.
    expect(effects[0]?.estimates?.onTheseImages.value).toBeCloseTo(0.2, 1);
    expect(effects[0]?.estimates?.withinChosen?.value).toBeCloseTo(0.5, 1);
  });

  test('are left out if too few degrees of freedom remain, or if the design has none', () => {
    const few = analyzeStudy(
      studyOf([2, 2], planOf([fullFactorial([2, 2]), fullFactorial([2, 2])]), value(0.1)),
    );
    expect(few.interactionsLeftOut).toBe('too_few_degrees');
    const alone = [0, 1, 2, 3].map((one) => [0, 1, 2].map((factor) => Number(factor + 1 === one)));
    const blocks = Array.from({ length: 6 }, () => alone);
    expect(
      analyzeStudy(studyOf([2, 2, 2], planOf(blocks, 'one_at_a_time'), value(0.1))).interactionsLeftOut,
    ).toBe('design');
  });
});

describe('the chosen set', () => {
  test('is the best allowed one', () => {
    const study = studyOf(
      [2, 2, 2],
      cube(4),
      ([a, b, c], _, index) => 90 + (a ?? 0) + 0.9 * (b ?? 0) + 0.3 * (c ?? 0) + 0.05 * noiseAt(index),
    );
    expect(analyzeStudy(study).chosen?.setting).toEqual([1, 1, 1]);
    const isAllowed = ([a, b]: StudySetting) => !(a === 1 && b === 1);
    const { chosen } = analyzeStudy({ ...study, isAllowed });
    expect(chosen?.setting).toEqual([1, 0, 1]);
    expect(chosen?.gain.value).toBeCloseTo(1.3, 1);
  });
});

describe('looking early', () => {
  const study = studyOf([2, 2, 2], cube(6), value(0.05), { stop: 'when_decided' });

  test('waits for a second block, and counts only complete blocks', () => {
    expect(analyzeStudy({ ...study, runs: study.runs.slice(0, 8) })).toMatchObject({
      look: null,
      withheld: 'one_block',
    });
    const partial = analyzeStudy({ ...study, runs: study.runs.slice(0, 21) });
    expect(partial).toMatchObject({ blocksDone: 2, runsUsed: 16, look: { number: 1, of: 5 } });
    expect(partial).toEqual(analyzeStudy({ ...study, runs: study.runs.slice(0, 16) }));
  });

  test('stops once all is decided', () => {
    expect(analyzeStudy({ ...study, runs: study.runs.slice(0, 24) }).look?.stop).toBe('all_decided');
    expect(analyzeStudy(study).look).toMatchObject({ number: 5, of: 5, stop: null });
  });

  test('stops if the rest could change nothing', () => {
    const hopeless = studyOf(
      [2, 2, 2],
      cube(6),
      ([a], _, index) => 90 + 0.2 * (a ?? 0) * 0 + 3 * noiseAt(index),
      { stop: 'when_decided', smallestEffect: 0.05 },
    );
    const looks = [2, 3, 4, 5].map(
      (blocks) => analyzeStudy({ ...hopeless, runs: hopeless.runs.slice(0, 8 * blocks) }).look?.stop,
    );
    expect(looks).toContain('none_can_change');
  });

  test('has wider intervals than a study that does not', () => {
    const wide = analyzeStudy(study).effects[0]?.estimates?.onTheseImages.halfWidth ?? 0;
    const narrow =
      analyzeStudy({ ...study, stop: 'never' }).effects[0]?.estimates?.onTheseImages.halfWidth ?? 0;
    expect(wide / narrow).toBeGreaterThan(1.01);
    expect(wide / narrow).toBeLessThan(1.3);
  });
});

test('an outlying run is listed by its index', () => {
  const study = studyOf(
    [2, 2, 2],
    cube(4),
    (setting, block, index) => value(0.1)(setting, block, index) + (index === 13 ? 2 : 0),
  );
  expect(analyzeStudy(study).outliers).toMatchObject([{ run: 13 }]);
});

test('a study without runs says so, and any study survives JSON', () => {
  const study = studyOf([2, 3], planOf([fullFactorial([2, 3]), fullFactorial([2, 3])]), value(0.1));
  const empty = analyzeStudy({ ...study, runs: [] });
  expect(empty.effects.map(({ factor, level }) => [factor, level])).toEqual([
    [0, 1],
    [1, 1],
    [1, 2],
  ]);
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('finished', 'diverged', 'missing', 'failed'), {
        minLength: 12,
        maxLength: 12,
      }),
      (kinds) => {
        const runs = study.runs.map((run, index): StudyRunOutcome => {
          const kind = kinds[index];
          return kind === 'diverged' || kind === 'missing' || kind === 'failed'
            ? { ...run, outcome: { kind } }
            : run;
        });
        for (const stop of ['never', 'when_decided'] as const) {
          const analysis = analyzeStudy({ ...study, runs, stop });
          expect(JSON.parse(JSON.stringify(analysis))).toEqual(analysis);
        }
      },
    ),
    { numRuns: 100 },
  );
});
