import { describe, expect, test } from 'vitest';
import { parseExperiment } from '../../../src/experiment/parse';
import { experimentLenses } from '../../../src/insight/lenses';
import { measuredHere, type StudyEvidence, studiedEffect } from '../../../src/insight/measuredHere';
import { trickFits } from '../../../src/insight/trickFit';
import type { StudyFacts } from '../../../src/protocol/studyView';
import { anyRecipeKey } from '../../../src/recipe/anyRecipe';
import type { MeasuredEffect } from '../../../src/study/effect';
import { parseStudy } from '../../../src/study/file/parse';
import { effect, estimate, studyFacts } from '../../support/studies';

const EXPERIMENT = `name: tiny
data: { dataset: synthetic, train_images: 128, validation_images: 60, height: 8, width: 8, classes: 3, batch_size: 16 }
model: { name: resnet8, width: 2 }
optimizer: { name: sgd, base_lr: 0.1 }
schedule: { epochs: 3, decay: cosine }
`;

const STUDY = `name: which
experiment: tiny.experiment.yaml
factors: [zero_gamma, label_smoothing]
budget: { runs: 8 }
`;

/** A finished study of the experiment: zero gamma helps, and nothing is known about label smoothing. */
function evidence(changes: Partial<StudyFacts> = {}): StudyEvidence {
  const parsed = parseStudy(STUDY, 'which.study.yaml', () => ({
    ok: true,
    parsed: parseExperiment(EXPERIMENT, 'tiny.experiment.yaml'),
  }));
  if (!parsed.ok) throw new Error('The study is sound.');
  const whole = studyFacts();
  const { analysis } = whole;
  const [run] = whole.runs;
  if (!analysis || !run) throw new Error('It has both.');
  const facts = {
    ...{ ...whole, name: 'which', factors: parsed.settings.factors },
    runs: [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ].map((setting) => ({ ...run, setting })),
    ...changes,
  };
  const ofNew = { onTheseImages: estimate(0.5, 0.1), onNewImages: estimate(0.42, 0.18), withinChosen: null };
  return {
    facts,
    analysis: {
      ...{ ...analysis, runsUsed: 8, withheld: null },
      effects: [effect({ factor: 0, estimates: ofNew }), effect({ factor: 1, estimates: null })],
    },
    keyOf: (setting) => {
      const recipe = parsed.settings.recipeAt(setting);
      return recipe && anyRecipeKey(recipe);
    },
  };
}

function fitOf(trick: string, text = EXPERIMENT) {
  const fit = trickFits(parseExperiment(text, 'tiny.experiment.yaml')).find(
    ({ trick: { name } }) => name === trick,
  );
  if (!fit) throw new Error(trick);
  return fit;
}

const pairs = (count: number): MeasuredEffect => ({
  difference: { pairs: count, mean: 0.1, halfWidth: 0.05 },
  place: { engine: 'wasm', threads: 1, execution: null },
  skipped: new Map(),
});

describe('the measured effect of a trick', () => {
  test('comes from a study of exactly this experiment, with its verdict', () => {
    const { text, note, isMeasured } = measuredHere(fitOf('zero_gamma'), null, [evidence()]);
    expect(text).toBe('+0.42 ± 0.18 points here, study which: helps');
    expect(note).toBe(
      "8 runs, averaged over the study's other factors (label_smoothing), for new images like these",
    );
    expect(isMeasured).toBe(true);
  });

  test('applies whichever of the other tricks of the study the experiment has, and if it has the trick itself', () => {
    for (const tricks of [
      'zero_gamma: true',
      'label_smoothing: true',
      'zero_gamma: true, label_smoothing: true',
    ]) {
      const fit = fitOf('zero_gamma', `${EXPERIMENT}tricks: { ${tricks} }\n`);
      expect(studiedEffect(fit, [evidence()])?.estimate.value, tricks).toBe(0.42);
    }
  });

  test('is absent for a study of another experiment, of other images, or with another trick added', () => {
    for (const [from, to] of [
      ['epochs: 3', 'epochs: 4'],
      ['train_images: 128', 'train_images: 144'],
      ['decay: cosine }', 'decay: cosine }\ntricks: { mixup: true }'],
    ] as const) {
      const text = EXPERIMENT.replace(from, to);
      expect(studiedEffect(fitOf('zero_gamma', text), [evidence()]), to).toBeNull();
    }
  });

  test('is absent for a study without estimate, without verdicts, or with another unit', () => {
    expect(studiedEffect(fitOf('label_smoothing'), [evidence()])).toBeNull();
    const { analysis, ...rest } = evidence();
    expect(
      studiedEffect(fitOf('zero_gamma'), [{ ...rest, analysis: { ...analysis, withheld: 'one_block' } }]),
    ).toBeNull();
    const metric = { name: 'validation_loss', higherIsBetter: false, unit: 'plain' } as const;
    expect(studiedEffect(fitOf('zero_gamma'), [evidence({ metric })])).toBeNull();
  });

  test('comes from single runs if these are as many', () => {
    const studies = [evidence()];
    expect(measuredHere(fitOf('zero_gamma'), pairs(3), studies).text).toContain('study which');
    expect(measuredHere(fitOf('zero_gamma'), pairs(4), studies).text).toBe(
      '+0.10 ± 0.05 points over 4 seeds',
    );
    expect(measuredHere(fitOf('mixup'), null, studies)).toEqual({
      ...{ text: 'not yet measured', note: '', isMeasured: false, short: '' },
    });
  });

  test('is shown in the lens of the trick', () => {
    const lenses = experimentLenses(parseExperiment(EXPERIMENT, 'tiny.experiment.yaml'), {
      ...{ obstacle: null, lastRun: null, runs: new Map(), hidden: new Set() },
      studies: [evidence()],
    });
    const tooltips = lenses.map(({ face }) => face().tooltip);
    expect(tooltips.some((text) => text.includes('+0.42 ± 0.18 points here, study which: helps'))).toBe(true);
  });
});
