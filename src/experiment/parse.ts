import { type FactsLookup, isOwnDataset, NO_FACTS, type OwnDatasetRequest } from '../recipe/datasets';
import type { Recipe } from '../recipe/recipe';
import { isMapping } from '../shared/values';
import { type Translation, translate } from './aliases';
import { datasetRequest } from './dataPlan';
import { type Override, overrideOf, parseOverride, withOverrides } from './overrides';
import type { Problem } from './problem';
import { type ResolutionProblem, resolve } from './resolve';
import type { Experiment } from './schema';
import { type ExperimentDocument, parseDocument } from './text/document';
import { type Finding, type Purpose, validate } from './validate';
import { experimentWarnings } from './warnings';

/** What was read, and what was known of the images: what is read again in its place is to know the same. */
interface Source {
  readonly document: ExperimentDocument;
  readonly factsOf: FactsLookup;
}

export type ParseResult =
  | (Source & {
      readonly ok: true;
      readonly experiment: Experiment;
      readonly recipe: Recipe;
      /** What is understood and had better be written otherwise. */
      readonly warnings: readonly Problem[];
    })
  | (Source & {
      readonly ok: false;
      readonly problems: readonly Problem[];
      /** The experiment, where all that is missing is an index of the images that it names. */
      readonly unindexed?: { readonly experiment: Experiment; readonly request: OwnDatasetRequest };
    });

/** Reads an experiment file, as JSON or YAML by its name, up to the recipe it leads to. */
export function parseExperiment(
  text: string,
  fileName: string,
  settings: readonly string[] = [],
  purpose: Purpose = 'train',
  factsOf: FactsLookup = NO_FACTS,
): ParseResult {
  return readExperiment(parseDocument(text, fileName), settings, purpose, factsOf);
}

/**
 * The experiment that a document holds, up to the recipe it leads to. `settings` are `key=value` of the command
 * line that go before what the file says. Problems come in the file's order; those of a later stage (syntax,
 * schema, what can be trained) are looked for where the stage before found none.
 */
export function readExperiment(
  document: ExperimentDocument,
  settings: readonly string[] = [],
  purpose: Purpose = 'train',
  factsOf: FactsLookup = NO_FACTS,
): ParseResult {
  const source: Source = { document, factsOf };
  if (document.problems.length > 0) return { ok: false, problems: document.problems, ...source };

  const overrides: Override[] = [];
  const unread: Problem[] = [];
  for (const source of settings) {
    const result = parseOverride(source);
    if (result.ok) overrides.push(result.override);
    else unread.push({ ...problem(document, result.finding), override: source });
  }
  if (unread.length > 0) return { ok: false, problems: unread, ...source };

  const translation = translate(withOverrides(withoutEmptyParts(document.value), overrides));
  const placed = (findings: readonly Finding[], severity: Problem['severity']) =>
    place(document, findings, overrides, translation).map((found) => ({ ...found, severity }));
  const failed = (findings: readonly Finding[]): ParseResult => ({
    ok: false,
    problems: placed([...translation.errors, ...findings], 'error'),
    ...source,
  });
  const validation = validate(translation.value, purpose);
  if (!validation.ok) return failed(validation.findings);
  if (translation.errors.length > 0) return failed([]);
  const request = datasetRequest(validation.experiment);
  const facts = isOwnDataset(request) ? factsOf(request) : null;
  const experiment: Experiment = { ...validation.experiment, ...(facts && { facts }) };
  if (isOwnDataset(request) && !facts && purpose === 'train') {
    return { ok: false, problems: [], ...source, unindexed: { experiment, request } };
  }
  const resolution = resolve(experiment);
  if (!resolution.ok) {
    return failed(findingsOf(resolution.problems));
  }
  const warnings = placed(
    [...translation.warnings, ...findingsOf(experimentWarnings(experiment))],
    'warning',
  );
  return { ok: true, experiment, recipe: resolution.recipe, warnings, ...source };
}

function findingsOf(problems: readonly ResolutionProblem[]): Finding[] {
  return problems.map((found) => ({ part: 'value', ...found }));
}

/** A part whose lines are all commented out is left out, not wrong. */
function withoutEmptyParts(value: unknown): unknown {
  if (!isMapping(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== null));
}

function place(
  document: ExperimentDocument,
  findings: readonly Finding[],
  overrides: readonly Override[],
  { writtenPath }: Translation,
): Problem[] {
  return findings
    .map((finding) => {
      const path = writtenPath(finding.path);
      const override = overrideOf(overrides, path);
      return { ...problem(document, { ...finding, path }), ...(override && { override: override.source }) };
    })
    .toSorted((a, b) => a.range.start.offset - b.range.start.offset);
}

function problem(document: ExperimentDocument, { path, part, what, remedy, replacement }: Finding): Problem {
  const range = document.rangeOf(path, part);
  return { severity: 'error', path, range, what, remedy, ...(replacement !== undefined && { replacement }) };
}
