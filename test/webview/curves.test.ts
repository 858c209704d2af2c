import { describe, expect, test } from 'vitest';
import { recipeFacts } from '../../src/recipe/anyRecipe';
import { learningRateAt } from '../../src/recipe/schedule';
import { type Curve, chartsOf } from '../../webview/curves';
import { RunHistory, type ShownRun } from '../../webview/model';
import { tooltipLabel, tooltipTitle } from '../../webview/tooltip';
import { runView, sampleRecipe, trainingEvents } from './runs';

const recipe = sampleRecipe();

function shownAfter(steps: number): ShownRun {
  const history = new RunHistory(recipeFacts(recipe));
  history.append(trainingEvents(recipe, steps));
  return { run: runView(recipe), history };
}

describe('charts', () => {
  test('have the same curves at every moment of a run', () => {
    const kinds = (steps: number) =>
      chartsOf(shownAfter(steps)).map(({ curves }) => curves.map(({ look, color }) => [look, color]));
    for (const steps of [1, 93, 465]) expect(kinds(steps)).toEqual(kinds(0));
  });

  test('describe themselves in words', () => {
    expect(chartsOf(shownAfter(0)).map(({ summary }) => summary)).toEqual([
      'Accuracy over 0 epochs.',
      'Loss over 0 steps.',
      'Learning rate over 0 steps; peak 0.05.',
    ]);
    expect(chartsOf(shownAfter(186))[0]!.summary).toBe(
      'Accuracy over 2 epochs; training 84.32%; validation 82.32%; best 82.32% at epoch 2.',
    );
  });

  test("the plan is the recipe's learning rate at every step", () => {
    const plan = chartsOf(shownAfter(0))[2]!.curves.find(({ look }) => look === 'plan')!;
    expect(plan.points).toHaveLength(465);
    for (const { x, y } of plan.points) expect(y).toBe(learningRateAt(recipe.schedule, x));
  });

  test('the plan of a long training has a bounded number of points', () => {
    const long = sampleRecipe({ epochs: 1000 });
    const shown = { run: runView(long), history: new RunHistory(recipeFacts(long)) };
    const plan = chartsOf(shown)[2]!.curves.find(({ look }) => look === 'plan')!;
    expect(plan.points.length).toBeGreaterThan(1000);
    expect(plan.points.length).toBeLessThanOrEqual(2000);
  });

  test('the best accuracy is one point, where it was reached', () => {
    const best = chartsOf(shownAfter(465))[0]!.curves.find(({ look }) => look === 'best')!;
    expect(best.points.map(({ x }) => x)).toEqual([4 * 93]);
  });
});

describe('tooltips', () => {
  const shown = shownAfter(465);
  const [accuracy, loss] = chartsOf(shown);
  const curve = (look: Curve['look']) => loss!.curves.find((one) => one.look === look)!;

  test('a step is named with its epoch, also at the edges of one', () => {
    const title = (x: number) => tooltipTitle(shown, [{ curve: curve('line'), x, y: 1 }]);
    expect(title(0)).toBe('Step 0, epoch 1 of 5');
    expect(title(92)).toBe('Step 92, epoch 1 of 5');
    expect(title(93)).toBe('Step 93, epoch 2 of 5');
  });

  test('a step comes before an epoch, whose value names it', () => {
    const epoch = { curve: curve('epochs'), x: 186, y: 0.448 };
    expect(tooltipTitle(shown, [epoch, { curve: curve('raw'), x: 206, y: 0.4 }])).toMatch(/^Step 206/);
    expect(tooltipLabel(shown, loss!, epoch)).toBe('Validation, epoch 2: 0.448');
  });

  test('with only epochs the title names the epoch', () => {
    const end = { curve: accuracy!.curves[1]!, x: 186, y: 0.8231 };
    expect(tooltipTitle(shown, [end])).toBe('After epoch 2 of 5, 186 steps');
    expect(tooltipLabel(shown, accuracy!, end)).toBe('Validation: 82.31%');
  });
});
