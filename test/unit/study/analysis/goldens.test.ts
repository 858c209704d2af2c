import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { StudyRunOutcome } from '../../../../src/protocol/study';
import { fisherP, twoSidedP, twoSidedQuantile } from '../../../../src/study/analysis/fit/distributions';
import { holm } from '../../../../src/study/analysis/holm';
import { analyzeStudy } from '../../../../src/study/analysis/index';
import { factorsOf, planOf } from './studies';

interface Golden {
  readonly smallestEffect: number;
  readonly studies: readonly {
    readonly name: string;
    readonly levels: number[];
    readonly rows: readonly { readonly block: number; readonly setting: number[] }[];
    readonly values: number[];
    readonly lost: number[];
    readonly degrees: number;
    readonly sigma: number;
    readonly effects: readonly {
      readonly factor: number;
      readonly level: number;
      readonly value: number;
      readonly standardError: number;
      readonly p: number;
      readonly low: number;
      readonly high: number;
      readonly ratio: number;
      readonly ratioLow: number;
      readonly ratioHigh: number;
    }[];
    readonly pDifferent: number[];
    readonly pTooSmall: number[];
    readonly interactions: readonly {
      readonly pair: number[];
      readonly levels: number[];
      readonly value: number;
      readonly standardError: number;
      readonly p: number;
    }[];
    readonly studentized: number[];
  }[];
  readonly paired: {
    readonly base: number[];
    readonly first: number[];
    readonly second: number[];
    readonly tests: readonly {
      readonly value: number;
      readonly p: number;
      readonly low: number;
      readonly high: number;
      readonly pTooSmall: number;
    }[];
    readonly welch: readonly { readonly p: number; readonly degrees: number; readonly low: number }[];
  };
  readonly fisher: readonly { readonly table: [number, number, number, number]; readonly p: number }[];
  readonly holm: readonly { readonly p: number[]; readonly adjusted: number[] }[];
  readonly quantiles: readonly {
    readonly degrees: number;
    readonly level: number;
    readonly quantile: number;
  }[];
}

const path = new URL('../../../fixtures/study/analysis.json', import.meta.url);
const golden: Golden = JSON.parse(readFileSync(path, 'utf8'));

function expectNear(actual: number | null | undefined, expected: number): void {
  expect(actual).toBeTypeOf('number');
  expect(Math.abs((actual ?? Number.NaN) - expected)).toBeLessThanOrEqual(
    1e-9 * Math.max(1, Math.abs(expected)),
  );
}

const METRIC = { name: 'validation_accuracy', higherIsBetter: true, isAccuracy: true } as const;

describe.each(golden.studies)('$name, as statsmodels fits it', (study) => {
  const blocks = [...new Set(study.rows.map(({ block }) => block))];
  const plan = planOf(
    blocks.map((block) => study.rows.filter((row) => row.block === block).map(({ setting }) => setting)),
  );
  const runs = study.rows.map(
    ({ block, setting }, index): StudyRunOutcome => ({
      block,
      setting,
      seed: block,
      outcome: study.lost.includes(index)
        ? { kind: 'failed' }
        : { kind: 'finished', value: study.values[index] ?? 0, correct: null },
    }),
  );
  const analysis = analyzeStudy({
    factors: factorsOf(study.levels),
    plan,
    blocksBudgeted: blocks.length,
    runs,
    metric: METRIC,
    smallestEffect: golden.smallestEffect,
    images: 'shared',
    stop: 'never',
  });

  test('has its effects, errors and intervals', () => {
    expect(analysis.noise?.isUneven).toBe(false);
    expectNear(analysis.noise?.standardDeviation, study.sigma);
    expect(analysis.noise?.degrees).toBe(study.degrees);
    expect(analysis.effects).toHaveLength(study.effects.length);
    for (const [index, each] of study.effects.entries()) {
      const effect = analysis.effects[index];
      expect(effect).toMatchObject({ factor: each.factor, level: each.level });
      const estimate = effect?.estimates?.onTheseImages;
      expectNear(estimate?.value, each.value);
      expectNear(estimate?.standardError, each.standardError);
      expectNear((estimate?.value ?? 0) - (estimate?.halfWidth ?? 0), each.low);
      expectNear((estimate?.value ?? 0) + (estimate?.halfWidth ?? 0), each.high);
      expectNear(twoSidedP((estimate?.value ?? 0) / (estimate?.standardError ?? 1), study.degrees), each.p);
    }
  });

  test('has its p values after Holm, of both families', () => {
    analysis.effects.forEach(({ pDifferent, pTooSmall }, index) => {
      expectNear(pDifferent, study.pDifferent[index] ?? Number.NaN);
      expectNear(pTooSmall, study.pTooSmall[index] ?? Number.NaN);
    });
  });

  test('has its interactions', () => {
    expect(analysis.interactions).toHaveLength(study.interactions.length);
    for (const [index, each] of study.interactions.entries()) {
      const interaction = analysis.interactions[index];
      expect(interaction).toMatchObject({ pair: each.pair, levels: each.levels });
      expectNear(interaction?.estimate.value, each.value);
      expectNear(interaction?.estimate.standardError, each.standardError);
      expectNear(interaction?.p, each.p);
    }
  });

  test('lists exactly its outlying residuals', () => {
    const used = runs.flatMap(({ outcome }, index) => (outcome.kind === 'finished' ? [index] : []));
    const limit = twoSidedQuantile(study.degrees - 1, 0.05 / used.length);
    const expected = used.filter((_, position) => Math.abs(study.studentized[position] ?? 0) > limit);
    expect(analysis.outliers.map(({ run }) => run)).toEqual(expected);
    for (const { run, studentized } of analysis.outliers)
      expectNear(studentized, study.studentized[used.indexOf(run)] ?? Number.NaN);
  });

  test('reports the ratios of its fit to the log of the error above 97%, and none below', () => {
    const mean = study.values.reduce((sum, value) => sum + value, 0) / study.values.length;
    if (mean < 97) {
      expect(analysis.logError).toBeNull();
      return;
    }
    for (const [index, each] of study.effects.entries()) {
      expectNear(analysis.logError?.[index]?.ratio, each.ratio);
      expectNear(analysis.logError?.[index]?.low, each.ratioLow);
      expectNear(analysis.logError?.[index]?.high, each.ratioHigh);
    }
  });
});

describe('one at a time', () => {
  const { base, first, second, tests, welch } = golden.paired;
  const settings = [
    [0, 0],
    [1, 0],
    [0, 1],
  ];
  const study = (blocks: number) => ({
    factors: factorsOf([2, 2]),
    plan: planOf(
      Array.from({ length: blocks }, () => settings),
      'one_at_a_time',
    ),
    blocksBudgeted: blocks,
    runs: Array.from({ length: blocks }, (_, block) =>
      settings.map(
        (setting, index): StudyRunOutcome => ({
          block,
          setting,
          seed: block,
          outcome: { kind: 'finished', value: [base, first, second][index]?.[block] ?? 0, correct: null },
        }),
      ),
    ).flat(),
    metric: METRIC,
    smallestEffect: golden.smallestEffect,
    images: 'shared' as const,
    stop: 'never' as const,
  });

  test("has the intervals of scipy's paired t test, and statsmodels' TOST", () => {
    const { effects } = analyzeStudy(study(5));
    const adjusted = holm(tests.map(({ p }) => p));
    const adjustedSmall = holm(tests.map(({ pTooSmall }) => pTooSmall));
    tests.forEach((each, index) => {
      const estimate = effects[index]?.estimates?.onTheseImages;
      expectNear(estimate?.value, each.value);
      expectNear((estimate?.value ?? 0) - (estimate?.halfWidth ?? 0), each.low);
      expectNear((estimate?.value ?? 0) + (estimate?.halfWidth ?? 0), each.high);
      expectNear(effects[index]?.pDifferent, adjusted[index] ?? Number.NaN);
      expectNear(effects[index]?.pTooSmall, adjustedSmall[index] ?? Number.NaN);
    });
  });

  test("uses Welch's t test, as scipy has it, if pairs are too few and its degrees of freedom are not", () => {
    const { effects } = analyzeStudy(study(3));
    expect(welch.some(({ degrees }) => degrees >= 3)).toBe(true);
    welch.forEach(({ degrees, low }, index) => {
      if (degrees < 3) return;
      const estimate = effects[index]?.estimates?.onTheseImages;
      expectNear(estimate?.degrees, degrees);
      expectNear((estimate?.value ?? 0) - (estimate?.halfWidth ?? 0), low);
    });
  });
});

test.each(golden.fisher)("Fisher's exact test of $table is scipy's", ({ table, p }) => {
  expectNear(fisherP(...table), p);
});

test.each(golden.holm)("Holm's adjustment of $p is statsmodels'", ({ p, adjusted }) => {
  holm(p).forEach((each, index) => {
    expectNear(each, adjusted[index] ?? Number.NaN);
  });
});

test.each(golden.quantiles)("Student's t of $degrees degrees of freedom at $level is scipy's", (each) => {
  expectNear(twoSidedQuantile(each.degrees, each.level), each.quantile);
});
