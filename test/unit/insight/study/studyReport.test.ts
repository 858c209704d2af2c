import { describe, expect, test } from 'vitest';
import { table } from '../../../../src/cli/table';
import { axisTicks } from '../../../../src/insight/study/results/forestAxis';
import { forestSvg } from '../../../../src/insight/study/results/forestSvg';
import { forestText } from '../../../../src/insight/study/results/forestText';
import { nextSteps } from '../../../../src/insight/study/results/nextSteps';
import { reportMarkdown } from '../../../../src/insight/study/results/reportMarkdown';
import { studyDescription } from '../../../../src/insight/study/results/studySummary';
import { studyTable } from '../../../../src/insight/study/results/studyTable';
import { studyView } from '../../../../src/insight/study/results/studyView';
import type { StudyEffect } from '../../../../src/protocol/study';
import type { StudyFacts } from '../../../../src/protocol/studyView';
import {
  analysis,
  divergedStudy,
  effect,
  estimate,
  manyLevels,
  newStudy,
  oneBlock,
  runningStudy,
  studyFacts,
} from '../../../support/studies';

const EVERY: readonly [string, StudyFacts][] = [
  ['done', studyFacts()],
  ['running', runningStudy()],
  ['new', newStudy()],
  ['of one block', oneBlock()],
  ['with diverged runs', divergedStudy()],
  ['of several levels', manyLevels()],
];

describe('the view', () => {
  test.each(EVERY)(
    'of a study that is %s has every mark on the axis, and zero among its ticks',
    (_, facts) => {
      const { axis, effects } = studyView(facts);
      const marks = effects.flatMap(({ plot }) => (plot ? [plot] : []));
      expect(axis === null).toBe(marks.length === 0);
      if (!axis) return;
      expect(axis.ticks.map(({ value }) => value)).toContain(0);
      expect(axis.low).toBeLessThanOrEqual(Math.min(-axis.smallest, ...marks.map(({ low }) => low)));
      expect(axis.high).toBeGreaterThanOrEqual(Math.max(axis.smallest, ...marks.map(({ high }) => high)));
    },
  );

  test.each(EVERY)('of a study that is %s is plain data', (_, facts) => {
    const view = studyView(facts);
    expect(JSON.parse(JSON.stringify(view))).toEqual(view);
  });

  test('says whether effects are on new images, and among which runs', () => {
    expect(studyView(studyFacts()).headings.effect).toBe('Effect on new images like these');
    expect(studyView(manyLevels()).headings.effect).toBe('Effect on these images');
    expect(studyView(studyFacts()).headings.table).toBe('Effects');
    expect(studyView(divergedStudy()).headings.table).toBe('Effects, finished runs only');
  });

  test('says that its intervals are unadjusted, and how its verdicts are adjusted', () => {
    expect(studyView(studyFacts({ analysis: analysis({ look: null }) })).headings.interval).toMatch(
      /on new images like these, .* unadjusted 95% intervals\. Verdicts are adjusted for the number of factors \(Holm\)/,
    );
    expect(studyView(studyFacts()).headings.interval).toMatch(/hold at every look.*for early looks/);
  });

  test('mentions no other factors if there is one', () => {
    const factors = studyFacts().factors.slice(0, 1);
    const alone = { effects: [effect({ factor: 0 })], interactions: [], outliers: [], chosen: null };
    const { headings, interactions } = studyView(
      studyFacts({ factors, runs: [], costs: [], analysis: analysis({ ...alone, look: null }) }),
    );
    expect(headings.interval).toBe(
      'In points of validation accuracy on new images like these, with 95% intervals.',
    );
    expect(interactions.text).toBe('');
  });

  test('names what limits its verdicts, the most serious first', () => {
    expect(studyView(oneBlock()).notices[0]).toEqual({
      tone: 'warning',
      text: 'Verdicts are withheld: one block shows effects, but not how much they depend on the seed.',
    });
    expect(studyView(divergedStudy()).notices).toEqual([
      {
        tone: 'warning',
        text: 'Extended: the budget was raised after results were seen, so the error rate is not controlled.',
      },
      { tone: 'info', text: '4 of 32 runs diverged. Effects cover only the runs that finished.' },
    ]);
    expect(studyView(studyFacts()).notices).toEqual([]);
    const unfinished = (stop: StudyFacts['stop']) =>
      studyView(runningStudy({ stop, analysis: analysis({ withheld: 'unfinished', look: null }) }))
        .notices[0]!.text;
    expect(unfinished('never')).toMatch(/until all blocks are complete/);
    expect(unfinished('when_decided')).toMatch(/for a first look/);
  });

  test('warns about the winner until fresh seeds confirm the same set', () => {
    const confirmation = {
      setting: [1, 1, 0, 1, 1],
      seeds: 4,
      split: 'test' as const,
      onTheseImages: estimate(0.61, 0.2, 3),
      onNewImages: null,
    };
    const caution = (facts: StudyFacts) => studyView(facts).chosen?.caution;
    expect(caution(studyFacts())).toMatch(/biased upward/);
    expect(caution(studyFacts({ confirmation }))).toBe('');
    expect(caution(studyFacts({ confirmation: { ...confirmation, setting: [1, 0, 0, 1, 1] } }))).toMatch(
      /biased/,
    );
    const said = (value: number) => {
      const onTheseImages = estimate(value, 0.2, 3);
      return studyView(studyFacts({ confirmation: { ...confirmation, onTheseImages } })).confirmation;
    };
    expect(
      studyView(studyFacts({ confirmation: { ...confirmation, seeds: 1, split: 'validation' } }))
        .confirmation,
    ).toMatch(/^Confirmed on 1 fresh seed and the validation images/);
    expect(said(0.61)).toMatch(/^Confirmed on 4 fresh seeds and the test split/);
    expect(said(0.1)).toMatch(/^Not confirmed/);
    expect(said(-0.5)).toMatch(/^Refuted/);
  });

  test('says how large the noise is, and whether it differs between levels', () => {
    expect(studyView(studyFacts()).noise).toBe(
      'Standard deviation across seeds 0.21 points, 16 degrees of freedom',
    );
    expect(studyView(manyLevels()).noise).toMatch(
      /0\.0061, 12 degrees of freedom\. It differs between levels/,
    );
  });

  test('marks outliers by their run', () => {
    const { runs, outliers } = studyView(divergedStudy());
    expect(runs.flatMap(({ isOutlier }, index) => (isOutlier ? [index] : []))).toEqual([9]);
    expect(outliers[0]).toMatch(
      /^Block 1, warmup, ema.*−1\.12 points from the value that the other runs predict \(4\.2/,
    );
  });
});

describe('ticks', () => {
  test.each([
    [-0.5, 0.6],
    [0, 1e-5],
    [-300, -2],
    [0.2, 0.2],
    [-1e-9, 1e9],
  ])('from %d to %d are round, evenly spaced and around both', (low, high) => {
    const ticks = axisTicks(low, high, { unit: 'plain', digits: 3 }, 6).map(({ value }) => value);
    const step = ticks[1]! - ticks[0]!;
    expect(ticks.length).toBeLessThanOrEqual(9);
    expect(ticks[0]).toBeLessThanOrEqual(low + 1e-9 * step);
    expect(ticks.at(-1)).toBeGreaterThanOrEqual(high - 1e-9 * step);
    expect([1, 2, 5]).toContain(Math.round(step / 10 ** Math.floor(Math.log10(step) + 1e-9)));
  });
});

describe('the next steps', () => {
  const told = (facts: StudyFacts) => nextSteps(facts).map(({ action, command }) => command ?? action);

  test('a running study can be stopped, a stopped one resumed', () => {
    expect(told(runningStudy())).toContain('tricks study stop which-tricks-pay-1');
    expect(told(runningStudy({ state: { status: 'stopped', because: null } }))).toContain(
      'tricks study resume which-tricks-pay-1',
    );
    expect(told(runningStudy({ state: { status: 'interrupted' } }))).toContain(
      'tricks study resume which-tricks-pay-1',
    );
  });

  test('a failed one begins with its remedy', () => {
    const failure = { what: 'The disk is full.', remedy: 'Free some space.' };
    expect(nextSteps(runningStudy({ state: { status: 'failed', failure } }))[0]!.text).toBe(
      'Free some space.',
    );
  });

  test('a finished one confirms, then keeps what helps, then decides what is open', () => {
    expect(nextSteps(studyFacts()).map(({ text, action }) => action ?? text)).toEqual([
      'confirm',
      'keep',
      'Add 2 blocks (32 more runs) to decide optimizer.weight_decay 0.0005. The study is then labeled as extended, because its error rate is not controlled.',
      'report',
    ]);
    expect(told(studyFacts())).toContain('tricks study resume which-tricks-pay-1 --more-blocks 2');
  });

  test('a confirmation without an interval takes more seeds, one with an interval is kept', () => {
    const confirmation = (withheld: 'too_few_degrees' | null) =>
      told(studyFacts({ confirms: 'other', analysis: analysis({ withheld }) }));
    expect(confirmation('too_few_degrees')[0]).toBe('tricks study confirm other --seeds 4');
    expect(confirmation(null)[0]).toBe('tricks study keep other');
  });

  test('if folds leave no block to add, a new study decides what is open', () => {
    const texts = nextSteps(studyFacts({ images: 'folds' })).map(({ text }) => text);
    expect(texts).toContain(
      'Create a new study with budget.runs 64 to decide optimizer.weight_decay 0.0005.',
    );
  });

  test('for what no sensible number of blocks decides, other ways are suggested', () => {
    const undecided = (changes: Partial<StudyEffect>) =>
      nextSteps(
        studyFacts({
          analysis: analysis({ effects: [effect({ factor: 0, verdict: 'undecided', ...changes })] }),
        }),
      ).map(({ text }) => text);
    expect(undecided({ blocksNeeded: 2000 })).toContain(
      'Deciding warmup at this noise (0.21 points) would take 32,000 runs. Train longer, which often lowers the noise, or raise smallest_effect.',
    );
    expect(undecided({ needsMoreImages: true })).toContain(
      'For warmup, use more validation images or raise smallest_effect: with the current images, no number of blocks resolves 0.2 points.',
    );
  });

  test('a best set whose gain may be none is kept with a caution', () => {
    const chosen = { setting: [1, 0, 0, 0, 0], gain: estimate(0.02, 9.13) };
    const facts = studyFacts({ analysis: analysis({ chosen }) });
    expect(nextSteps(facts)[1]!.text).toMatch(/^Keep the best predicted set, which may gain nothing: write /);
    expect(studyView(facts).chosen?.caution).toMatch(/^It may gain nothing: .*biased upward/);
  });

  test('without verdicts nothing is kept: another block comes first', () => {
    const steps = nextSteps(oneBlock());
    expect(steps.map(({ action }) => action)).toEqual([null, 'report']);
    expect(steps[0]!.text).toMatch(/^Add 1 block \(16 more runs\) to get verdicts/);
  });

  test('if no set is better than the first levels, these are kept', () => {
    const chosen = { setting: [0, 0, 0, 0, 0], gain: estimate(0, null) };
    const steps = nextSteps(studyFacts({ analysis: analysis({ chosen }) }));
    expect(steps[0]!.text).toMatch(/^Keep the baseline, with every factor at its first level/);
    expect(steps.some(({ action }) => action === 'confirm')).toBe(false);
  });
});

describe('the report', () => {
  test('has the table in the shape of the paper, with what its source measured on ImageNet', () => {
    const report = reportMarkdown(studyView(studyFacts()));
    const rows = report.split('\n').filter((line) => line.startsWith('|'));
    expect(rows[0]).toBe('| Trick | Effect | Verdict | Cost | On ImageNet |');
    expect(report).toContain('In points of validation accuracy on new images like these');
    expect(rows[4]).toBe('| mixup | −0.35 ± 0.14 | hurts | \\+5.5% time, +18 MiB | \\+0.84, +0.62 |');
  });

  test('of one trick at a time says that it compares runs, and attributes nothing to interactions', () => {
    const plan = { ...studyFacts().plan, aliases: [{ factor: 0, pair: [1, 2] as const, share: 1 }] };
    const textOf = (others: 'averaged' | 'as_run') =>
      reportMarkdown(studyView(studyFacts({ plan, analysis: analysis({ others }) })));
    expect(textOf('averaged')).toMatch(/averaged over the other factors' levels[\s\S]*may be due to/);
    expect(textOf('as_run')).toContain('with the other factors at the levels of the runs compared');
    expect(textOf('as_run')).not.toMatch(/averaged over|may be due to/);
  });

  test('has the same rows as the table of the command line', () => {
    const { rows, titles } = studyTable(studyView(studyFacts()));
    expect(rows.every((row) => row.length === titles.length)).toBe(true);
    expect(rows[4]).toEqual([
      'optimizer.weight_decay 0.0005 (against 0.0001)',
      '+0.13 ± 0.14',
      'undecided: needs 2 more blocks',
      '–',
      '–',
    ]);
  });

  test('has rows of tricks that fit in 100 columns of a terminal', () => {
    const { rows, titles } = studyTable(studyView(studyFacts()));
    const tricks = rows.filter(([label]) => !label?.includes('.'));
    expect(Math.max(...table([titles, ...tricks]).map((line) => line.length))).toBeLessThanOrEqual(100);
  });

  test('numbers the next steps with their commands', () => {
    expect(reportMarkdown(studyView(studyFacts()))).toContain(
      'on fresh seeds, against the baseline. `tricks study confirm which-tricks-pay-1`',
    );
  });

  test.each(EVERY)(
    'of a study that is %s has tables with as many cells in each row as in the title',
    (_, facts) => {
      const lines = reportMarkdown(studyView(facts)).split('\n');
      let cells = 0;
      for (const line of lines) {
        if (!line.startsWith('|')) cells = 0;
        else if (cells === 0) cells = line.split(' | ').length;
        else expect(line.split(' | ').length, line).toBe(cells);
      }
    },
  );

  test('a name is text, whatever it contains', () => {
    const name = '<img src=x onerror=alert(1)> | [here](https://example.com)\n# Another';
    const report = reportMarkdown(studyView(studyFacts({ name })));
    const headings = report.split('\n').filter((line) => line.startsWith('# '));
    expect(headings).toHaveLength(1);
    expect(report).not.toMatch(/(?<!\\)<img|(?<!\\)\]\(https/);
  });
});

describe('the forest plot', () => {
  test('in characters has a line for each effect, each mark between the ends of its interval', () => {
    const view = studyView(studyFacts());
    const lines = forestText(view);
    view.effects.forEach(({ label }, index) => {
      const line = lines[index + 1]!;
      expect(line.startsWith(label)).toBe(true);
      expect(line).toMatch(/├─*●─*┤/);
    });
    const at = (row: number) => lines[row + 1]!.indexOf('●');
    expect(at(2)).toBeLessThan(at(3));
    expect(at(3)).toBeLessThan(at(0));
    expect(at(0)).toBeLessThan(at(1));
    expect(forestText(studyView(newStudy()))).toEqual([]);
  });

  test('of a loss marks the left as better', () => {
    expect(forestText(studyView(manyLevels()))[0]).toMatch(/← helps │ hurts →/);
  });

  test('as a picture has a mark at each value, and its words as text', () => {
    const svg = forestSvg(studyView(studyFacts({ name: 'a < b & c' })));
    expect(svg).toContain('Forest plot of a &lt; b &amp; c');
    const places = Array.from(svg.matchAll(/<circle class="\S+" cx="([\d.]+)"/g), ([, x]) => Number(x));
    const values = studyView(studyFacts()).effects.map(({ plot }) => plot!.value);
    // Positions are a linear map of values.
    const slope = (places[1]! - places[0]!) / (values[1]! - values[0]!);
    expect(slope).toBeGreaterThan(0);
    values.forEach((value, index) => {
      expect(places[index]).toBeCloseTo(places[0]! + slope * (value - values[0]!), 1);
    });
    expect(svg.match(/<text/g)!.length).toBe(svg.match(/<\/text>/g)!.length);
    expect(forestSvg(studyView(newStudy()))).toBe('');
  });
});

describe('a line of the sidebar', () => {
  test('shows the progress of a study, then its result', () => {
    expect(studyDescription(newStudy())).toBe('0 of 32 runs');
    expect(studyDescription(runningStudy())).toBe(
      '20 of 32 runs, 1 of them reused · 1 h 23 min left · label_smoothing helps',
    );
    expect(studyDescription(studyFacts())).toBe(
      'warmup and label_smoothing help · mixup hurts · 1 too small to matter · 1 undecided',
    );
    expect(studyDescription(runningStudy({ state: { status: 'stopped', because: null } }))).toBe(
      'Stopped · 20 of 32 runs, 1 of them reused',
    );
    expect(studyDescription(studyFacts({ analysis: analysis({ withheld: 'too_few_degrees' }) }))).toBe(
      'verdicts withheld',
    );
  });
});
