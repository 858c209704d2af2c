import { describe, expect, test } from 'vitest';
import { costText, paperText } from '../../../../src/insight/study/results/besideEffects';
import { condition, levelName, settingText } from '../../../../src/insight/study/results/factorText';
import {
  aliasTexts,
  interactionPlot,
  interactionText,
} from '../../../../src/insight/study/results/interactionText';
import {
  estimateText,
  intervalText,
  listText,
  percentText,
  pText,
  type Scale,
  scaleOf,
  unitText,
  valueText,
} from '../../../../src/insight/study/results/studyNumbers';
import { verdictText } from '../../../../src/insight/study/results/verdictText';
import type { StudyEffect, StudyFactor, StudyInteraction } from '../../../../src/protocol/study';
import { analysis, effect, estimate, FACTORS, INTERACTION, studyFacts } from '../../../support/studies';

const POINTS: Scale = { unit: 'points', digits: 2 };

describe('numbers', () => {
  test.each([
    ['points', 0.2, 2],
    ['points', 1, 2],
    ['points', 0.02, 3],
    ['plain', 0.005, 4],
    ['images_per_second', 20, 0],
  ] as const)('%s with a smallest effect of %d have %d digits', (unit, smallestEffect, digits) => {
    const metric = { name: 'x', higherIsBetter: true, unit };
    expect(scaleOf({ metric, smallestEffect })).toEqual({ unit, digits });
  });

  test('an estimate has its interval next to it, and none if there is none', () => {
    expect(estimateText(estimate(0.423, 0.178), POINTS)).toBe('+0.42 ± 0.18');
    expect(estimateText(estimate(-0.423, null), POINTS)).toBe('−0.42');
    expect(intervalText(estimate(0.1, 0.3), POINTS)).toBe('−0.20 to +0.40');
    expect(intervalText(estimate(0.1, null), POINTS)).toBeNull();
  });

  test('values and units are those of the metric', () => {
    expect(valueText(91.236, POINTS)).toBe('91.24%');
    expect(valueText(0.3121, { unit: 'plain', digits: 3 })).toBe('0.312');
    expect(unitText({ name: 'macro_f1', higherIsBetter: true, unit: 'points' })).toBe('points of macro F1');
    expect(unitText({ name: 'my_metric', higherIsBetter: true, unit: 'plain' })).toBe('my_metric');
  });

  test('p values and shares have only meaningful digits', () => {
    expect([pText(0.0004), pText(0.0365), pText(1)]).toEqual(['p < 0.001', 'p = 0.036', 'p = 1.000']);
    expect([percentText(0.055), percentText(-0.21), percentText(1)]).toEqual(['+5.5%', '−21%', '+100%']);
    expect([listText([]), listText(['a']), listText(['a', 'b', 'c'])]).toEqual(['', 'a', 'a, b and c']);
  });
});

describe('factors', () => {
  const factors: readonly StudyFactor[] = [
    { key: 'mixup', kind: 'trick', levels: ['without', 'alpha: 0.2'] },
    { key: 'sam', kind: 'trick', levels: ['without', 'rho 0.05', 'rho 0.1'] },
    { key: 'optimizer.weight_decay', kind: 'key', levels: ['0.0001', '0.0005'] },
  ];

  test('a trick that is on or off is called by its name, other levels by name and value', () => {
    expect([0, 1, 2].map((factor) => levelName(factors, factor, 1))).toEqual([
      'mixup',
      'sam rho 0.05',
      'optimizer.weight_decay 0.0005',
    ]);
    expect(condition(factors, 0, 0)).toBe('without mixup');
    expect(condition(factors, 2, 0)).toBe('with optimizer.weight_decay 0.0001');
  });

  test('a setting names its tricks, and the value of every key', () => {
    expect(settingText(factors, [1, 2, 0])).toBe('mixup, sam rho 0.1, optimizer.weight_decay 0.0001');
    expect(settingText(factors.slice(0, 2), [0, 0])).toBe('none of the tricks');
  });
});

describe('verdicts', () => {
  const said = (changes: Partial<StudyEffect>, withheld: 'one_block' | null = null) =>
    verdictText(effect({ factor: 0, ...changes }), { withheld, blocksDone: 2 }, POINTS);

  const byRunsAndBoth = (runs: number, both: number) => ({
    onTheseImages: estimate(0.1, runs),
    onNewImages: estimate(0.1, both),
    withinChosen: null,
  });

  test.each<[Partial<StudyEffect>, string]>([
    [{ verdict: 'helps' }, 'helps'],
    [{ verdict: 'hurts' }, 'hurts'],
    [{ verdict: 'too_small' }, 'too small to matter'],
    [{ verdict: 'helps_but_too_small' }, 'too small to matter (+0.31 ± 0.14)'],
    [{ verdict: 'undecided', blocksNeeded: 3 }, 'undecided: needs 1 more block'],
    [{ verdict: 'undecided', blocksNeeded: 6 }, 'undecided: needs 4 more blocks'],
    [{ verdict: 'undecided', blocksNeeded: null }, 'undecided'],
    [{ verdict: 'undecided', blocksNeeded: 8308 }, 'undecided: needs 8,306 more blocks'],
    [
      { verdict: 'undecided', needsMoreImages: true, estimates: byRunsAndBoth(0.1, 0.5) },
      'undecided: needs more images',
    ],
    [
      { verdict: 'undecided', needsMoreImages: true, estimates: byRunsAndBoth(9.13, 9.15) },
      'undecided: needs more blocks and images',
    ],
    [{ estimates: null }, 'cannot be estimated from the finished runs'],
  ])('%o reads "%s"', (changes, text) => {
    expect(said(changes)).toBe(text);
  });

  test('a withheld verdict is not shown', () => {
    expect(said({ verdict: 'helps' }, 'one_block')).toBe('withheld');
  });

  test('an effect without an estimate on new images is judged by that on these', () => {
    const estimates = { onTheseImages: estimate(0.08, 0.05), onNewImages: null, withinChosen: null };
    expect(said({ verdict: 'hurts_but_too_small', estimates })).toBe('too small to matter (+0.08 ± 0.05)');
  });
});

describe('interactions', () => {
  const said = (changes: Partial<StudyInteraction>, higherIsBetter = true) =>
    interactionText({ ...INTERACTION, ...changes }, FACTORS, higherIsBetter, POINTS);

  test('a trick that helps in only one case is described with both figures', () => {
    expect(said({})).toBe('mixup helps only without label_smoothing: +0.40 against −0.10');
    expect(said({ firstWithout: -0.1, firstWith: 0.4 })).toBe(
      'mixup helps only with label_smoothing: +0.40 against −0.10',
    );
  });

  test('if only the second changes its sign, the text is about the second', () => {
    expect(said({ firstWithout: 0.6, firstWith: 0.1, secondWithout: 0.3, secondWith: -0.2 })).toBe(
      'label_smoothing helps only without mixup: +0.30 against −0.20',
    );
  });

  test('what helps or hurts in both cases is described for the case with the larger effect', () => {
    const kept = { secondWithout: 0.5, secondWith: 0.2 };
    expect(said({ ...kept, firstWithout: 0.6, firstWith: 0.3 })).toBe(
      'mixup helps more without label_smoothing: +0.60 against +0.30',
    );
    expect(said({ ...kept, firstWithout: -0.1, firstWith: -0.4 })).toBe(
      'mixup hurts more with label_smoothing: −0.40 against −0.10',
    );
  });

  test('for a loss, less is better', () => {
    expect(said({ firstWithout: -0.4, firstWith: 0.1 }, false)).toBe(
      'mixup helps only without label_smoothing: −0.40 against +0.10',
    );
  });

  test('the plot has the gain of each combination over neither, the same both ways', () => {
    const { values, label, first, second, ticks } = interactionPlot(INTERACTION, FACTORS, true, POINTS);
    expect(label).toBe('mixup × label_smoothing');
    expect([...first, ...second]).toEqual([
      'without mixup',
      'with mixup',
      'without label_smoothing',
      'with label_smoothing',
    ]);
    expect(values[0]).toEqual([0, 0.4]);
    expect(values[1]![0]).toBe(0.67);
    expect(values[1]![1]).toBeCloseTo(INTERACTION.firstWithout + INTERACTION.secondWith, 12);
    for (const value of values.flat()) {
      expect(value).toBeGreaterThanOrEqual(ticks[0]!.value);
      expect(value).toBeLessThanOrEqual(ticks.at(-1)!.value);
    }
  });

  test('an effect names the pairs that it may be due to, those in full first', () => {
    const aliases = [
      { factor: 3, pair: [0, 2], share: -1 / 3 },
      { factor: 3, pair: [2, 1], share: -1 },
      { factor: 0, pair: [1, 2], share: 1 },
      { factor: 3, pair: [0, 1], share: 0 },
    ] as const;
    expect(aliasTexts(3, aliases, FACTORS)).toEqual([
      'may be due to mixup × label_smoothing',
      'may be partly (33%) due to warmup × mixup',
    ]);
  });
});

describe('next to an effect', () => {
  const facts = studyFacts();
  const [warmup, , mixup, , decay] = analysis().effects as [
    StudyEffect,
    StudyEffect,
    StudyEffect,
    StudyEffect,
    StudyEffect,
  ];

  test('its cost in time and memory, and what an hour of it buys', () => {
    expect(costText(mixup, facts, POINTS)).toEqual({
      short: '+5.5% time, +18 MiB',
      details: [
        '38.1 s to 40.2 s per epoch',
        '812 MiB to 830 MiB of memory',
        // -0.35 points for 10 epochs that each take 2.1 s more.
        '−60 points per extra hour (21 s per run)',
      ],
    });
    expect(costText(warmup, facts, POINTS).short).toBe('none');
    expect(costText(decay, facts, POINTS)).toEqual({ short: '–', details: [] });
  });

  test('its cost as the rounds of the probe measured it, with their range', () => {
    const costOf = (timeRatios: readonly number[], mebibytes = 812) => {
      const costs = facts.costs.map((cost) => ({
        ...cost,
        timeRatios,
        memoryBytes: { without: 812 * 2 ** 20, with: mebibytes * 2 ** 20 },
      }));
      return costText(mixup, { ...facts, costs }, POINTS);
    };
    const clear = costOf([1.03, 1.02, 1.05, 1.04, 1.09], 830);
    expect(clear.short).toBe('+4.0% time (+2.0% to +9.0%), +18 MiB');
    expect(clear.details).toContain('5 rounds, difference within each: +3.0%, +2.0%, +5.0%, +4.0%, +9.0%');
    // 4% of the time that the rounds give: 38.1 s for 10 epochs.
    expect(clear.details.at(-1)).toBe('−83 points per extra hour (15 s per run)');
    const unclear = costOf([0.98, 1.29, 1.3, 1.02, 1.4], 830);
    expect(unclear.short).toBe('no clear difference in time, +18 MiB');
    expect(unclear.details.join()).not.toContain('per extra hour');
    expect(costOf([0.98, 1.29, 1.3, 1.02, 1.4]).short).toBe('no clear difference');
  });

  test('no cost of memory below 1%', () => {
    const ratios = [1.03, 1.02, 1.05, 1.04, 1.09];
    const of = (mebibytes: number) =>
      costText(
        mixup,
        {
          ...facts,
          costs: facts.costs.map((cost) => ({
            ...{ ...cost, timeRatios: ratios },
            memoryBytes: { without: 800 * 2 ** 20, with: mebibytes * 2 ** 20 },
          })),
        },
        POINTS,
      ).short;
    expect(of(807)).not.toContain('MiB');
    expect(of(793)).not.toContain('MiB');
    expect(of(809)).toContain('+9');
    expect(of(780)).toContain('−20 MiB');
  });

  test('what its source reports, losses included, and on which images', () => {
    expect(paperText(FACTORS, mixup).short).toBe('+0.84, +0.62');
    expect(paperText(FACTORS, mixup).details[0]).toBe(
      'He et al. 2018, section 5.4, ImageNet, ResNet-50-D, on label smoothing: 78.31 to 79.15 (+0.84)',
    );
    const factor = (key: string): readonly StudyFactor[] => [
      { key, kind: 'trick', levels: ['without', 'with'] },
    ];
    expect(paperText(factor('no_bias_decay'), warmup).short).toBe('−0.03, −0.34');
    expect(paperText(factor('stochastic_depth'), warmup)).toEqual({
      short: '+1.18 (CIFAR-10)',
      details: ['Huang et al. 2016, ResNet-110 on CIFAR-10: 93.59 to 94.77 (+1.18)'],
    });
    expect(paperText(factor('sam'), warmup)).toEqual({
      short: '–',
      details: ['Foret et al. 2021 reports no figure for it alone'],
    });
    expect(paperText(FACTORS, decay)).toEqual({ short: '–', details: [] });
  });
});
