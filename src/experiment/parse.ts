import { isDeepStrictEqual } from 'node:util';
import * as l10n from '@vscode/l10n';
import { type FactsLookup, isOwnDataset, NO_FACTS, type OwnDatasetRequest } from '../recipe/datasets';
import type { Recipe } from '../recipe/recipe';
import { translate } from './aliases';
import { isCommandValue } from './command/schema';
import { datasetRequest } from './dataPlan';
import { fixedExperiments } from './fixedExperiments';
import { withOverrides } from './overrides';
import { besideSyntax, place, readOverrides, withoutEmptyParts } from './placing';
import type { Problem } from './problem';
import { type ResolutionProblem, resolve } from './resolve';
import type { Experiment } from './schema';
import { type ExperimentDocument, parseDocument } from './text/document';
import { withOtherImages } from './unindexed';
import { type Finding, type Purpose, partialFindings, validate } from './validate';
import { experimentWarnings } from './warnings';

/** The parsed document, and the facts known about its images. A second parse must use the same facts. */
interface Source {
  readonly document: ExperimentDocument;
  readonly factsOf: FactsLookup;
}

interface Unindexed {
  readonly experiment: Experiment;
  readonly request: OwnDatasetRequest;
}

export type ParseResult =
  | (Source & {
      readonly ok: true;
      readonly experiment: Experiment;
      readonly recipe: Recipe;
      /** Things that are understood but should be written differently. */
      readonly warnings: readonly Problem[];
    })
  | (Source & {
      readonly ok: false;
      readonly problems: readonly Problem[];
      /** The experiment, if its images have not been indexed. The problems then hold for any images. */
      readonly unindexed?: Unindexed;
    });

/** Whether an experiment's only obstacle is that its images are not indexed. */
export function lacksIndex(parsed: ParseResult): boolean {
  return !parsed.ok && parsed.unindexed !== undefined && parsed.problems.length === 0;
}

/** Parses an experiment file, as JSON or YAML by its extension, into a recipe. */
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
 * Parses a document's experiment into a recipe. `settings` are `key=value` pairs from the command line that override
 * the file. Problems come in file order. Besides schema problems, reports training problems that do not depend on
 * invalid parts. Besides syntax errors, reports problems in the parts before them.
 */
export function readExperiment(
  document: ExperimentDocument,
  settings: readonly string[] = [],
  purpose: Purpose = 'train',
  factsOf: FactsLookup = NO_FACTS,
): ParseResult {
  const source: Source = { document, factsOf };
  const { value, isWhole } = document.certain;
  if (!isWhole || value === undefined) {
    const findings = isCommandValue(value)
      ? [commandFinding()]
      : value === undefined
        ? []
        : partialFindings(translate(value).value, document.format);
    const others = place(document, findings, [], translate(value));
    return { ok: false, problems: besideSyntax(document, others), ...source };
  }

  const { overrides, unread } = readOverrides(document, settings);

  const translation = translate(withOverrides(withoutEmptyParts(value), overrides));
  const placed = (findings: readonly Finding[], severity: Problem['severity']) =>
    place(document, findings, overrides, translation).map((found) => ({ ...found, severity }));
  const failed = (findings: readonly Finding[], unindexed?: Unindexed): ParseResult => ({
    ok: false,
    problems: [...unread, ...besideSyntax(document, placed([...translation.errors, ...findings], 'error'))],
    ...source,
    ...(unindexed && { unindexed }),
  });
  if (isCommandValue(translation.value)) return failed([commandFinding()]);
  const validation = validate(translation.value, purpose, document.format);
  if (!validation.ok) {
    const { findings } = validation;
    const fixed = fixedExperiments(translation.value, findings, (each) =>
      validate(each, purpose, document.format),
    );
    const sound = soundProblems(fixed, factsOf, purpose);
    const known = new Set(findings.map(({ path }) => JSON.stringify(path)));
    return failed([...findings, ...sound.filter(({ path }) => !known.has(JSON.stringify(path)))]);
  }
  const request = datasetRequest(validation.experiment);
  const facts = isOwnDataset(request) ? factsOf(request) : null;
  const experiment: Experiment = { ...validation.experiment, ...(facts && { facts }) };
  const isBroken = translation.errors.length + unread.length + document.problems.length > 0;
  if (isOwnDataset(request) && !facts && purpose === 'train') {
    const sound = soundProblems([experiment], factsOf, purpose);
    return failed(sound, isBroken ? undefined : { experiment, request });
  }
  const resolution = resolve(experiment);
  if (!resolution.ok) return failed(findingsOf(resolution.problems));
  if (isBroken) return failed([]);
  const warnings = placed(
    [...translation.warnings, ...findingsOf(experimentWarnings(experiment))],
    'warning',
  );
  return { ok: true, experiment, recipe: resolution.recipe, warnings, ...source };
}

/** Returns the problems that all of these experiments share, whatever the unindexed images are. */
function soundProblems(
  experiments: readonly Experiment[],
  factsOf: FactsLookup,
  purpose: Purpose,
): Finding[] {
  const readings = experiments.flatMap((experiment) => {
    const request = datasetRequest(experiment);
    const facts = isOwnDataset(request) ? factsOf(request) : null;
    const isUnknown = isOwnDataset(request) && !facts && purpose === 'train';
    const known = facts ? { ...experiment, facts } : experiment;
    return isUnknown ? [known, withOtherImages(known)] : [known];
  });
  const isSame = (one: ResolutionProblem, other: ResolutionProblem) =>
    one.what === other.what && isDeepStrictEqual(one.path, other.path);
  const problemsOf = (experiment: Experiment) => {
    const resolution = resolve(experiment);
    return resolution.ok ? [] : resolution.problems;
  };
  const [first, ...others] = readings;
  let sound = first ? problemsOf(first) : [];
  for (const other of others) {
    // If no problem is left that all share, the rest need not be checked.
    if (sound.length === 0) break;
    const problems = problemsOf(other);
    sound = sound.filter((found) => problems.some((each) => isSame(each, found)));
  }
  return findingsOf(sound);
}

/** The problem of a command experiment, for callers that only take experiments of our own trainer. */
function commandFinding(): Finding {
  return {
    path: ['trainer'],
    part: 'key',
    what: l10n.t(
      'This experiment trains by a command. Only experiments with model and data can be used here.',
    ),
    remedy: l10n.t('Choose an experiment without trainer.'),
  };
}

function findingsOf(problems: readonly ResolutionProblem[]): Finding[] {
  return problems.map((found) => ({ part: 'value', ...found }));
}
