import { translate } from '../../experiment/aliases';
import { validateCommand } from '../../experiment/command/validate';
import { datasetRequest } from '../../experiment/dataPlan';
import { resolve } from '../../experiment/resolve';
import { type Finding, validate } from '../../experiment/validate';
import { type ExperimentPlace, resolveCommand } from '../../interop/command/resolve';
import type { AnyRecipe } from '../../recipe/anyRecipe';
import { type FactsLookup, isOwnDataset } from '../../recipe/datasets';
import { isMapping } from '../../shared/values';
import { type Baseline, isCommandBaseline } from './study';

export type ResolvedValue =
  | { readonly ok: true; readonly recipe: AnyRecipe }
  | { readonly ok: false; readonly findings: readonly Finding[] };

/** Returns an experiment's plain data without empty parts, with this product's names for tricks. */
export function ownWords(value: unknown): unknown {
  if (!isMapping(value)) return value;
  const parts = Object.entries(value).filter(([, part]) => part !== null);
  return translate(Object.fromEntries(parts)).value;
}

/**
 * Resolves an experiment's plain data to a recipe, with what `baseline` was resolved with. Does not locate problems in a
 * text, which makes it much faster. See docs/performance.md.
 */
export function resolveValue(value: unknown, baseline: Baseline): ResolvedValue {
  return isCommandBaseline(baseline)
    ? resolveCommandValue(value, baseline.place)
    : resolveNetworkValue(value, baseline.factsOf);
}

function resolveCommandValue(value: unknown, place: ExperimentPlace): ResolvedValue {
  const validation = validateCommand(value, 'yaml');
  return validation.ok ? resolveCommand(validation.experiment, place) : validation;
}

function resolveNetworkValue(value: unknown, factsOf: FactsLookup): ResolvedValue {
  const validation = validate(value);
  if (!validation.ok) return validation;
  const request = datasetRequest(validation.experiment);
  const facts = isOwnDataset(request) ? factsOf(request) : null;
  const resolution = resolve({ ...validation.experiment, ...(facts && { facts }) });
  if (resolution.ok) return resolution;
  return { ok: false, findings: resolution.problems.map((problem) => ({ part: 'value', ...problem })) };
}
