import { translate } from '../../experiment/aliases';
import { datasetRequest } from '../../experiment/dataPlan';
import { resolve } from '../../experiment/resolve';
import { type Finding, validate } from '../../experiment/validate';
import { type FactsLookup, isOwnDataset } from '../../recipe/datasets';
import type { Recipe } from '../../recipe/recipe';
import { isMapping } from '../../shared/values';

export type ResolvedValue =
  | { readonly ok: true; readonly recipe: Recipe }
  | { readonly ok: false; readonly findings: readonly Finding[] };

/** Returns an experiment's plain data without empty parts, with this product's names for tricks. */
export function ownWords(value: unknown): unknown {
  if (!isMapping(value)) return value;
  const parts = Object.entries(value).filter(([, part]) => part !== null);
  return translate(Object.fromEntries(parts)).value;
}

/**
 * Resolves an experiment's plain data to a recipe. Does not locate problems in a text, which makes it much faster. See
 * docs/performance.md.
 */
export function resolveValue(value: unknown, factsOf: FactsLookup): ResolvedValue {
  const validation = validate(value);
  if (!validation.ok) return validation;
  const request = datasetRequest(validation.experiment);
  const facts = isOwnDataset(request) ? factsOf(request) : null;
  const resolution = resolve({ ...validation.experiment, ...(facts && { facts }) });
  if (resolution.ok) return resolution;
  return { ok: false, findings: resolution.problems.map((problem) => ({ part: 'value', ...problem })) };
}
