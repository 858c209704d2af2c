import { basename, dirname, resolve } from 'node:path';
import * as l10n from '@vscode/l10n';
import { formatProblem, type Problem } from '../../experiment/problem';
import { parseDocument } from '../../experiment/text/document';
import { switchesOf } from '../../insight/study/commandFactors';
import { factorsCalled, studyFileName, studyText } from '../../insight/study/proposal';
import { listRuns } from '../../runs/store';
import { nearest } from '../../shared/nearest';
import { UserError } from '../../shared/userError';
import { readIn } from '../../studies/command/reading';
import { readSource, type StudySource } from '../../studies/planning';
import { type IndexImages, planOf, scheduleOf, unfinishedStudy, writeDown } from '../../studies/preparing';
import type { ReadableStudy } from '../../studies/store';
import { experimentPathOf } from '../../study/file/parse';
import { type Baseline, isCommandBaseline, type ReadStudy } from '../../study/file/study';
import { quoted } from '../../system/allowedFolders';
import { ALL_TRICKS } from '../../tricks/registry';
import { readTraining } from '../commandInput';
import type { AllowOption } from '../dataAccess';
import { readText, shownPath } from '../input';
import { interruptible } from '../interrupting';
import { type FolderOption, rootOf } from '../options';
import { EXIT, type ExitCode, type Terminal } from '../terminal';
import { describe, tellBudget, tellExpected, tellUnmeasured } from './describing';
import { type DriveOptions, drive } from './drive';
import { indexFolds } from './folds';
import { startTrainer } from './trainers';

export interface BeginOptions extends FolderOption, AllowOption, DriveOptions {
  /** Comma-separated trick names. If given, the file is an experiment. */
  readonly tricks?: string;
  readonly budget?: number;
  readonly atOnce?: number;
  /** Prints the plan without running anything. */
  readonly dryRun?: boolean;
}

/** Runs a study file, or a study of an experiment's tricks. Continues an unfinished study with the same text. */
export async function begin(terminal: Terminal, file: string, options: BeginOptions): Promise<ExitCode> {
  const { tricks, budget } = options;
  if (tricks === undefined && budget !== undefined) {
    throw new UserError({
      what: l10n.t(
        'The budget of {0} is set in the file. {1} is only for studies without a file.',
        file,
        '--budget',
      ),
      remedy: l10n.t('Change it there, or specify the tricks to study: {0}', '--tricks warmup,mixup'),
    });
  }
  const written = tricks === undefined ? await readText(file) : null;
  const experimentFile = written === null ? resolve(file) : experimentIn(terminal, file, written);
  if (experimentFile === null) return EXIT.badInput;
  const experiment = await readTraining(terminal, experimentFile, options);
  if (!experiment) return EXIT.badInput;
  const root = await rootOf(terminal, options);
  const studyFile = written === null ? null : resolve(file);
  const baseline = () => baselineOf(root, experimentFile, experiment.text);
  const source: StudySource = {
    file: studyFile,
    text: written ?? textOf(file, baseline(), tricks ?? '', options),
    experiment: { file: experimentFile, text: experiment.text },
  };
  const parsed = readSource(root, source);
  if (!parsed.ok) {
    for (const problem of parsed.why === 'problems' ? parsed.problems : [])
      tellProblem(terminal, studyFile, problem);
    if (parsed.why === 'search') {
      terminal.note(l10n.t('{0} is a search. To run it: {1}', file, `tricks tune ${quoted(file)}`));
    }
    return EXIT.badInput;
  }
  for (const problem of parsed.warnings) tellProblem(terminal, studyFile, problem);

  const unfinished = await unfinishedStudy(root, source);
  if (unfinished && !options.dryRun) {
    terminal.note(
      l10n.t('Continuing with the study {0}, which was created from this exact text.', unfinished.id),
    );
    return drive(terminal, root, unfinished, options);
  }
  const study = await prepare(terminal, root, source, asked(parsed, options), options);
  if (!study) return EXIT.done;
  terminal.note(l10n.t('Study: {0}', study.folder));
  return drive(terminal, root, study, options);
}

/** Applies the number of concurrent runs from the command line. */
function asked(parsed: ReadStudy, { atOnce }: Pick<BeginOptions, 'atOnce'>): ReadStudy {
  return atOnce === undefined ? parsed : { ...parsed, study: { ...parsed.study, atOnce } };
}

/**
 * Prints what a study will run and what that can tell, measures how runs train best, and writes the study record.
 * Returns null for a dry run. A budget in hours is measured first, because its number of runs depends on the time per
 * run.
 */
async function prepare(
  terminal: Terminal,
  root: string,
  source: StudySource,
  parsed: ReadStudy,
  { dryRun = false }: Pick<BeginOptions, 'dryRun'>,
): Promise<ReadableStudy | null> {
  const { budget } = parsed.study;
  const index: IndexImages = (requests) => indexFolds(terminal, root, source.experiment.file, requests);
  const runs = await listRuns(root);
  const measured = async (count: number) => {
    if (!isCommandBaseline(parsed.baseline)) {
      terminal.note(
        l10n.t('Measuring how long a run takes, and how many parallel runs give the best throughput...'),
      );
    }
    return interruptible(terminal, (signal) =>
      scheduleOf(root, source, parsed, { runs: count, start: startTrainer, signal }),
    );
  };
  if ('runs' in budget) {
    const chosen = await planOf(root, source, parsed, null, index);
    describe(terminal, parsed, chosen, runs);
    if (dryRun) {
      tellUnmeasured(terminal, parsed, chosen, runs);
      return null;
    }
    const scheduling = await measured(chosen.explanation.runs);
    tellExpected(terminal, parsed, chosen, scheduling, runs);
    return writeDown(root, source, parsed, chosen, scheduling, index);
  }
  const scheduling = await measured(Number.MAX_SAFE_INTEGER);
  const chosen = await planOf(root, source, parsed, scheduling, index);
  tellBudget(terminal, budget, scheduling);
  describe(terminal, parsed, chosen, runs);
  tellExpected(terminal, parsed, chosen, scheduling, runs);
  return dryRun ? null : writeDown(root, source, parsed, chosen, scheduling, index);
}

/** Prints a problem with its location. A study without a file has no location to look at. */
function tellProblem(terminal: Terminal, studyFile: string | null, problem: Problem): void {
  if (studyFile !== null) terminal.note(formatProblem(shownPath(studyFile), problem));
  else if (problem.severity === 'error') terminal.fail(problem);
  else terminal.note(`${problem.what} ${problem.remedy}`);
}

/**
 * The absolute path of the experiment file that a study file names. If it cannot be read, prints the problems and
 * returns null.
 */
function experimentIn(terminal: Terminal, file: string, text: string): string | null {
  const document = parseDocument(text, file);
  const named = experimentPathOf(document);
  if (document.problems.length > 0) {
    for (const problem of document.problems) tellProblem(terminal, file, problem);
    return null;
  }
  if (named !== null) return resolve(dirname(resolve(file)), named);
  throw new UserError({
    what: l10n.t('{0} does not name an experiment, so it is not a study.', file),
    remedy: l10n.t(
      'Specify a study file, or an experiment with the tricks to study: {0}',
      `tricks study ${quoted(file)} --tricks warmup,mixup --budget 16`,
    ),
  });
}

function baselineOf(root: string, file: string, text: string): Baseline {
  const parsed = readIn(root, { file, text });
  if (!parsed.ok) throw new Error(`${file} cannot be read any more`);
  return parsed;
}

/**
 * Writes the text of a study that has no file.
 *
 * @throws UserError if a name is not a trick
 */
function textOf(
  file: string,
  baseline: Baseline,
  tricks: string,
  { budget = 16 }: Pick<BeginOptions, 'budget'>,
): string {
  const names = tricks.split(',').map((name) => name.trim());
  const factors = factorsCalled(
    baseline,
    names.filter((name) => name !== ''),
  ).map((factor) => {
    if (!('unknown' in factor)) return factor;
    const near = nearest(factor.unknown, [
      ...(isCommandBaseline(baseline) ? switchesOf(baseline) : []),
      ...ALL_TRICKS.map(({ name }) => name),
    ]);
    throw new UserError({
      what: l10n.t('There is no trick {0}.', factor.unknown),
      remedy: near
        ? l10n.t('Did you mean {0}?', near)
        : l10n.t('Use trick names, separated by commas, such as {0}.', 'warmup,mixup'),
    });
  });
  const experiment = basename(file);
  const name = studyFileName(experiment).replace(/\.study\.yaml$/, '');
  return studyText({ name, experiment, factors, budget: { runs: budget } });
}
