import { describe, expect, test } from 'vitest';
import { shortfallText } from '../../../../src/insight/study/shortfall';
import { anyRecipeKey } from '../../../../src/recipe/anyRecipe';
import { choosePlan } from '../../../../src/studies/planning';
import type { RunIndex } from '../../../../src/study/effect';
import { read, STUDY, sourceIn } from '../../studies/support';

function parsedWith(smallestEffect: number, more = '') {
  return read(
    '/nowhere',
    sourceIn('/nowhere', { study: `${STUDY}smallest_effect: ${smallestEffect}\n${more}` }),
  );
}

function textOf(parsed: ReturnType<typeof parsedWith>, runs: number, index: RunIndex = new Map()) {
  return shortfallText(parsed, choosePlan(parsed, runs).plan, index);
}

describe('a budget that is too small', () => {
  test('is reported with a budget that is enough, which is not reported again', () => {
    const parsed = parsedWith(0.3);
    const text = textOf(parsed, 8) ?? '';
    expect(text).toMatch(
      /^8 runs give intervals of about ±0\.\d\d points, too wide to detect effects of 0\.3 points/,
    );
    expect(text).toContain('a noise of 0.25 points across seeds, which is a guess');
    const enough = Number(/A budget of (\d+) runs would be enough\./.exec(text)?.[1]);
    expect(textOf(parsed, enough)).toBeNull();
    expect(textOf(parsed, enough - 4)).not.toBeNull();
  });

  test('uses the noise of the existing runs', () => {
    const parsed = parsedWith(0.3);
    const place = { engine: 'wasm', threads: 1, execution: null } as const;
    const seeds = [0.9, 0.9001, 0.8999, 0.90005].map((accuracy, seed) => ({ seed, place, accuracy }));
    expect(textOf(parsed, 8, new Map([[anyRecipeKey(parsed.baseline.recipe), seeds]]))).toBeNull();
  });

  test('of one block gives no verdicts', () => {
    const parsed = parsedWith(5);
    const { plan } = choosePlan(parsed, 8);
    const [block] = plan.blocks;
    if (!block) throw new Error('A plan has blocks.');
    expect(shortfallText(parsed, plan, new Map())).toBeNull();
    const text = shortfallText(parsed, { ...plan, blocks: [block] }, new Map());
    expect(text).toMatch(/^All runs share one seed/);
  });

  test('is not judged in a metric with unknown noise', () => {
    const parsed = parsedWith(0.01, 'metric: validation_loss\n');
    expect(textOf(parsed, 8)).toBeNull();
  });
});
