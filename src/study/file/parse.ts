import * as l10n from '@vscode/l10n';
import { isCommandDocument } from '../../experiment/command/read';
import { explainIssues, type Finding, type Guide } from '../../experiment/explain';
import { lacksIndex } from '../../experiment/parse';
import type { Problem } from '../../experiment/problem';
import { type ExperimentDocument, parseDocument } from '../../experiment/text/document';
import { nearest } from '../../shared/nearest';
import { isMapping, valueAt } from '../../shared/values';
import { trickCalled } from '../../tricks/registry';
import { foldFindings, levelFindings } from './checks';
import { seedFindings } from './commandSeeds';
import { designFindings } from './design';
import { type CommandNames, NO_NAMES, readFactors } from './factors';
import { readListedRuns } from './listedRuns';
import { defaultSmallestEffect, inSnakeCase, METRICS } from './metrics';
import { studySchema, type WrittenStudy } from './schema';
import { settingsOf } from './settings';
import type { Baseline, ExperimentReading, Study, StudyBudget, StudyParse } from './study';

/** Example study for remedies. */
const EXAMPLE = {
  name: 'which-tricks-pay',
  experiment: 'fashion-mnist.experiment.yaml',
  factors: ['warmup', 'mixup'],
  design: 'auto',
  budget: { runs: 32, hours: 4 },
  blocks: 'auto',
  metric: 'validation_accuracy',
  smallest_effect: 0.2,
  stop: 'when_decided',
  at_once: 'auto',
};

const GUIDE: Omit<Guide, 'format'> = {
  schema: studySchema,
  example: EXAMPLE,
  nothing: () => ({
    what: l10n.t('The file holds no study.'),
    remedy: l10n.t('Write at least name, experiment, factors and budget.'),
  }),
};

/** Whether a file name is that of a study or a search. */
export function isStudyName(fileName: string): boolean {
  return /\.study\.(ya?ml|jsonc?)$/i.test(fileName);
}

/** Returns the experiment path that a study file gives, as written; null if there is none. */
export function experimentPathOf(document: ExperimentDocument): string | null {
  const path = isMapping(document.value) ? document.value.experiment : undefined;
  return typeof path === 'string' && path !== '' ? path : null;
}

/**
 * Parses a study file, as JSON or YAML depending on its name, with its factors' settings. Problems are in file order.
 * The stages are syntax, schema, factors, experiment, trainability and budget. A stage runs only if the previous one
 * found no problems.
 *
 * @param readExperiment reads the experiment file at the path given in the study
 */
export function parseStudy(
  text: string,
  fileName: string,
  readExperiment: (path: string) => ExperimentReading,
): StudyParse {
  return readStudy(parseDocument(text, fileName), readExperiment);
}

/** Parses the study in a document. See `parseStudy`. */
export function readStudy(
  document: ExperimentDocument,
  readExperiment: (path: string) => ExperimentReading,
): StudyParse {
  const failed = (
    problems: readonly Problem[],
    study: Study | null = null,
    baseline: Baseline | null = null,
  ): StudyParse => ({ ok: false, why: 'problems', document, problems, study, baseline });
  const placed = (findings: readonly Finding[], severity: Problem['severity'] = 'error') =>
    place(document, findings, severity);

  if (document.problems.length > 0) return failed(document.problems);
  const { value } = document;
  if (isMapping(value) && 'search' in value && !('factors' in value)) {
    return { ok: false, why: 'search', document };
  }
  const parsed = studySchema.safeParse(withoutEmptyParts(value));
  if (!parsed.success)
    return failed(placed(explainIssues(parsed.error.issues, value, { ...GUIDE, format: document.format })));
  // A command's experiment names factors of its own.
  const experiment = readExperiment(parsed.data.experiment);
  const isCommand = experiment.ok && isCommandDocument(experiment.parsed.document);
  const names = isCommand ? commandNames(experiment.parsed.document.value) : null;
  const reading = studyOf(parsed.data, names);
  if (!reading.ok) return failed(placed(reading.findings));
  const { study } = reading;

  if (!experiment.ok) {
    return failed(placed([unreadable(study.experiment, experiment.reason)]), study);
  }
  const baseline = experiment.parsed;
  if (!baseline.ok) {
    if ('factsOf' in baseline && baseline.unindexed && lacksIndex(baseline)) {
      return { ok: false, why: 'unindexed', document, study, request: baseline.unindexed.request };
    }
    return failed(placed([broken(study.experiment, baseline.problems)]), study);
  }

  const { errors, warnings } = levelFindings(study, baseline);
  const seeds = seedFindings(baseline);
  const found = [...errors, ...seeds.errors, ...foldFindings(study, baseline)];
  if (found.length > 0) return failed([...placed(found), ...placed(warnings, 'warning')], study, baseline);
  const settings = settingsOf(study, baseline);
  const design = designFindings(study, settings);
  const warned = placed([...warnings, ...seeds.warnings, ...design.warnings], 'warning');
  if (design.errors.length > 0) return failed([...placed(design.errors), ...warned], study, baseline);
  return { ok: true, document, study, baseline, settings, warnings: warned };
}

type StudyReading =
  | { readonly ok: true; readonly study: Study }
  | { readonly ok: false; readonly findings: readonly Finding[] };

/** Returns the names in a command's experiment by which factors may be called. */
function commandNames(value: unknown): CommandNames {
  const keysOf = (key: string) => Object.keys(Object(valueAt(value, ['trainer', key])));
  return {
    switches: keysOf('arguments').filter((name) => trickCalled(name)?.trick.name !== name),
    values: keysOf('values').filter((name) => !trickCalled(name)),
  };
}

/**
 * Reads a study file without its experiment.
 *
 * @param names of its experiment, null if that is not of a command
 */
function studyOf(written: WrittenStudy, names: CommandNames | null): StudyReading {
  const { factors, findings: factorFindings } = readFactors(written.factors, names ?? NO_NAMES);
  // A command's numbers keep the names that it gives them.
  const isOwn = names !== null && !METRICS.includes(inSnakeCase(written.metric));
  const metric = isOwn ? written.metric : inSnakeCase(written.metric);
  const budget = budgetOf(written.budget);
  const smallestEffect = written.smallest_effect ?? defaultSmallestEffect(metric);
  const findings: Finding[] = [...factorFindings, ...(isOwn ? [] : metricFindings(metric))];
  if (!budget) findings.push(noBudget(written.budget));
  if (smallestEffect === null && (isOwn || METRICS.includes(metric))) findings.push(noSmallestEffect(metric));
  const listed =
    typeof written.design === 'string' || factorFindings.length > 0
      ? null
      : readListedRuns(written.design, factors);
  findings.push(...(listed?.findings ?? []));
  if (findings.length > 0 || !budget || smallestEffect === null) return { ok: false, findings };
  const design = typeof written.design === 'string' ? written.design : (listed?.settings ?? []);
  const { name, experiment, blocks, stop, at_once: atOnce } = written;
  return {
    ok: true,
    study: { name, experiment, factors, design, budget, blocks, metric, smallestEffect, stop, atOnce },
  };
}

/** Returns the given one of runs and hours; null if none or both are given. */
function budgetOf({ runs, hours }: WrittenStudy['budget']): StudyBudget | null {
  if (runs !== undefined) return hours === undefined ? { runs } : null;
  return hours === undefined ? null : { hours };
}

function noBudget({ runs }: WrittenStudy['budget']): Finding {
  return {
    path: ['budget'],
    part: 'value',
    what:
      runs === undefined
        ? l10n.t('budget has neither runs nor hours.')
        : l10n.t('budget sets both runs and hours, but only one is allowed.'),
    remedy: l10n.t('Write {0} or {1}.', '{ runs: 32 }', '{ hours: 4 }'),
  };
}

function metricFindings(metric: string): Finding[] {
  if (METRICS.includes(metric)) return [];
  const near = nearest(metric, METRICS);
  return [
    {
      path: ['metric'],
      part: 'value',
      what: l10n.t('Runs do not log the metric {0}.', metric),
      remedy:
        near === undefined
          ? l10n.t('Use one of {0}.', METRICS.join(', '))
          : l10n.t('Did you mean {0}?', near),
      ...(near !== undefined && { replacement: near }),
    },
  ];
}

function noSmallestEffect(metric: string): Finding {
  return {
    path: ['metric'],
    part: 'key',
    what: l10n.t('smallest_effect is missing, and {0} has no default for it.', metric),
    remedy: l10n.t(
      'Add smallest_effect: the smallest difference that matters to you, in the unit of {0}.',
      metric,
    ),
  };
}

function unreadable(path: string, reason: string): Finding {
  return {
    path: ['experiment'],
    part: 'value',
    what: l10n.t('The experiment {0} cannot be read: {1}', path, reason),
    remedy: l10n.t("Write the path of an experiment file, relative to this file's folder."),
  };
}

function broken(path: string, problems: readonly Problem[]): Finding {
  const [first, ...others] = problems;
  const line = (first?.range.start.line ?? 0) + 1;
  const what = first?.what ?? '';
  return {
    path: ['experiment'],
    part: 'value',
    what:
      others.length === 0
        ? l10n.t('The experiment {0} has a problem on line {1}: {2}', path, line, what)
        : l10n.t(
            'The experiment {0} has {1} problems, the first on line {2}: {3}',
            path,
            problems.length,
            line,
            what,
          ),
    remedy: first?.remedy ?? '',
  };
}

/** A key with all of its lines commented out counts as absent, not as an error. */
function withoutEmptyParts(value: unknown): unknown {
  if (!isMapping(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== null));
}

function place(
  document: ExperimentDocument,
  findings: readonly Finding[],
  severity: Problem['severity'],
): Problem[] {
  return findings
    .map(({ path, part, what, remedy, replacement, fix }) => ({
      severity,
      path,
      range: document.rangeOf(path, part),
      what,
      remedy,
      ...(replacement !== undefined && { replacement }),
      ...(fix && { fix }),
    }))
    .toSorted((a, b) => a.range.start.offset - b.range.start.offset);
}
