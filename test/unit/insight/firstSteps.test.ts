import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import manifest from '../../../package.json';
import texts from '../../../package.nls.json';
import { parseExperiment } from '../../../src/experiment/parse';
import { applyEdits } from '../../../src/experiment/text/textEdits';
import { experimentLenses } from '../../../src/insight/lenses';
import { trickFits } from '../../../src/insight/trickFit';
import { pairedMean } from '../../../src/study/statistics';

const read = (path: string) => readFileSync(join(__dirname, '../../..', path), 'utf8');
const EXAMPLE = read('examples/first-steps.experiment.yaml');

/** Returns the accuracies per seed, in percent, that a text states for one setting. */
function measured(text: string, setting: RegExp): number[] {
  const line = text.split('\n').find((each) => setting.test(each)) ?? '';
  return [...line.matchAll(/(\d\d\.\d\d)%/g)].map(([, percent]) => Number(percent));
}

const SETTINGS = [
  /^[#| ]*as it is/,
  /with `?cosine_decay/,
  /with `?mixup` on top|with mixup on top/,
] as const;

describe('the first steps', () => {
  const [plain = [], cosine = [], mixup = []] = SETTINGS.map((setting) => measured(EXAMPLE, setting));
  const effect = (after: readonly number[], before: readonly number[]) => {
    const { mean, halfWidth } = pairedMean(after.map((value, seed) => value - (before[seed] ?? Number.NaN)));
    return { mean, low: mean - (halfWidth ?? Number.NaN), high: mean + (halfWidth ?? Number.NaN) };
  };
  const gain = effect(cosine, plain);
  const loss = effect(mixup, cosine);

  test('have one trick that helps and one that does not, each over three seeds', () => {
    expect([plain, cosine, mixup].map(({ length }) => length)).toEqual([3, 3, 3]);
    expect(gain.low).toBeGreaterThan(0);
    expect(loss.high).toBeLessThan(0);
  });

  test('show the same figures in the example, in README.md and in the walkthrough', () => {
    const readme = read('README.md');
    expect(SETTINGS.map((setting) => measured(readme, setting))).toEqual([plain, cosine, mixup]);
    const of = ({ mean, low, high }: typeof gain) => [mean, low, high].map((value) => value.toFixed(2));
    const [mean, low, high] = of(gain);
    expect(EXAMPLE).toContain(`+${mean} points, 95% interval ${low} to ${high}`);
    expect(readme).toContain(`+${mean} ± ${(gain.high - gain.mean).toFixed(2)} points`);
    expect(texts['walkthrough.pays.description']).toContain(
      `${mean} points (95% interval ${low} to ${high})`,
    );
    const [lost, most, least] = of(loss);
    expect(EXAMPLE).toContain(`${lost} points, 95% interval ${most} to ${least}`);
    expect(readme).toContain(`−${lost?.slice(1)} ± ${(loss.high - loss.mean).toFixed(2)} points`);
    expect(texts['walkthrough.doesNotPay.description']).toContain(
      `${lost?.slice(1)} points (95% interval ${least?.slice(1)} to ${most?.slice(1)} lost)`,
    );
  });

  test('find the lenses that they name above their lines, one after the other', () => {
    let text = EXAMPLE;
    for (const [trick, title, line] of [
      ['cosine_decay', /^Cosine decay$/, /^schedule:/],
      ['mixup', /^Mixup /, /^data:/],
    ] as const) {
      const parsed = parseExperiment(text, 'first-steps.experiment.yaml');
      const surroundings = { obstacle: null, lastRun: null, runs: new Map(), hidden: new Set<never>() };
      const lens = experimentLenses(parsed, surroundings).find((each) => title.test(each.face().title));
      expect(text.split('\n')[lens?.line ?? -1]).toMatch(line);
      const edit = trickFits(parsed)
        .find((fit) => fit.trick.name === trick)
        ?.toggle();
      if (!edit?.ok) throw new Error(`${trick} cannot be inserted`);
      text = applyEdits(text, edit.edits);
    }
    const both = parseExperiment(text, 'first-steps.experiment.yaml');
    expect(both.ok && both.recipe.tricks.toSorted()).toEqual(['cosine_decay', 'mixup']);
  });

  test('use commands that the extension has', () => {
    const commands = manifest.contributes.commands.map(({ command }) => command);
    const walkthrough = JSON.stringify(
      Object.entries(texts).filter(([key]) => /^(walkthrough|welcome)\./.test(key)),
    );
    const named = [...walkthrough.matchAll(/\(command:(bagOfTricks\.\w+)/g)].map(([, command]) => command);
    const steps = manifest.contributes.walkthroughs.flatMap(({ steps }) => steps);
    const awaited = steps.flatMap(({ completionEvents }) =>
      completionEvents.map((event) => event.replace('onCommand:', '')),
    );
    expect(named.length).toBeGreaterThan(3);
    expect([...named, ...awaited].filter((command = '') => !commands.includes(command))).toEqual([]);
  });
});
