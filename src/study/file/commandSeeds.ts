/** What the seed means for runs of a command. */
import * as l10n from '@vscode/l10n';
import type { Finding } from '../../experiment/explain';
import { passesSeed, resolveCommand, seedRemedy } from '../../interop/command/resolve';
import { anyRecipeKey } from '../../recipe/anyRecipe';
import { type Baseline, isCommandBaseline } from './study';

/**
 * Whether the seed decides anything in an experiment's runs. Our own trainer always uses it, a command only if it gets
 * it.
 */
export function getsSeed(baseline: Baseline): boolean {
  return !isCommandBaseline(baseline) || passesSeed(baseline.experiment);
}

/**
 * Returns what to say of an experiment whose command does not get the seed: an error if that is easily mended, and a
 * warning for torchvision, whose train.py has no option for it.
 */
export function seedFindings(baseline: Baseline): {
  readonly errors: readonly Finding[];
  readonly warnings: readonly Finding[];
} {
  if (!isCommandBaseline(baseline) || passesSeed(baseline.experiment)) return { errors: [], warnings: [] };
  const isOptionless = baseline.experiment.system === 'torchvision';
  const finding: Finding = {
    path: ['experiment'],
    part: 'value',
    what: isOptionless
      ? l10n.t('The command does not get the seed, so runs are not paired by seed.')
      : l10n.t(
          'The command does not get the seed, so seeds as blocks mean nothing: runs that should differ by seed may be copies of each other.',
        ),
    remedy: seedRemedy(baseline.experiment),
  };
  return isOptionless ? { errors: [], warnings: [finding] } : { errors: [finding], warnings: [] };
}

/**
 * Returns a function from a seed to the key of what an experiment trains with it. The key of a command contains its
 * seed, others do not.
 */
export function keyBySeed(baseline: Baseline): (seed: number) => string | null {
  if (!isCommandBaseline(baseline)) {
    const key = anyRecipeKey(baseline.recipe);
    return () => key;
  }
  const keys = new Map<number, string | null>();
  return (seed) => {
    const known = keys.get(seed);
    if (known !== undefined) return known;
    const resolved = resolveCommand({ ...baseline.experiment, seed }, baseline.place);
    const key = resolved.ok ? anyRecipeKey(resolved.recipe) : null;
    keys.set(seed, key);
    return key;
  };
}
