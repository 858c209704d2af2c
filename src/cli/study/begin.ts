import { basename, dirname, resolve } from 'node:path';
import * as l10n from '@vscode/l10n';
import { factsLookup } from '../../datasets/index/store';
import { parseExperiment } from '../../experiment/parse';
import { formatProblem, type Problem } from '../../experiment/problem';
import { parseDocument } from '../../experiment/text/document';
import { factorsCalled, studyFileName, studyText } from '../../insight/study/proposal';
import { listRuns } from '../../runs/store';
import { startRun } from '../../runs/supervisor';
import { UserError } from '../../shared/userError';
import {
  type ChosenPlan,
  choosePlan,
  foldRequest,
  foldsFor,
  newRecord,
  readSource,
  runsOfBudget,
  type StudySource,
} from '../../studies/planning';
import { chooseScheduling, secondsOfLastRun } from '../../studies/probes/scheduling';
import type { Scheduling } from '../../studies/record';
import { createStudy, listStudies, type ReadableStudy } from '../../studies/store';
import { validationOrigin } from '../../study/file/blocks';
import { experimentPathOf } from '../../study/file/parse';
import type { Baseline, ReadStudy } from '../../study/file/study';
import type { AllowOption } from '../dataAccess';
import { readExperiment, readText, shownPath } from '../input';
import { type FolderOption, rootOf } from '../options';
import { TRAINER_PATH } from '../package';
import { EXIT, type ExitCode, type Terminal } from '../terminal';
import { describe } from './describing';
import { type DriveOptions, drive } from './drive';
import { indexFolds } from './folds';

export interface BeginOptions extends FolderOption, AllowOption, DriveOptions {
  /** Names of tricks with commas between: the file is then an experiment. */
  readonly tricks?: string;
  readonly budget?: number;
  readonly atOnce?: number;
  /** Says what would run, and runs nothing. */
  readonly dryRun?: boolean;
}

/** Runs a study file, or one of an experiment's tricks; one that was begun and is not done goes on. */
export async function begin(terminal: Terminal, file: string, options: BeginOptions): Promise<ExitCode> {
  const { tricks } = options;
  const written = tricks === undefined ? await readText(file) : null;
  const experimentFile = written === null ? resolve(file) : experimentIn(file, written);
  const experiment = await readExperiment(terminal, experimentFile, { ...options, isTrained: true });
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
      terminal.note(l10n.t('{0} is a search. To run it: {1}', file, `tricks tune ${file}`));
    }
    return EXIT.badInput;
  }
  for (const problem of parsed.warnings) tellProblem(terminal, studyFile, problem);

  const unfinished = await unfinishedStudy(root, source);
  if (unfinished && !options.dryRun) {
    terminal.note(l10n.t('Going on with the study {0}, which is of this very text.', unfinished.id));
    return drive(terminal, root, unfinished, options);
  }
  const timing = await timingOf(terminal, root, source, parsed, options);
  const runs = runsOfBudget(parsed.study.budget, timing ?? { secondsPerRun: 1, atOnce: 1 });
  const chosen = await choosePlanIn(terminal, root, source, parsed, runs);
  const seconds = timing && (chosen.explanation.runs * timing.secondsPerRun) / timing.atOnce;
  await describe(terminal, root, parsed, chosen, seconds);
  if (options.dryRun) return EXIT.done;
  if (chosen.blocks === 'folds') {
    const { baseline } = parsed;
    const of = foldsFor(chosen.plan.blocks.length, baseline);
    await indexFolds(
      terminal,
      root,
      experimentFile,
      chosen.plan.blocks.flatMap((_, block) => foldRequest(baseline, { index: block % of, of }) ?? []),
    );
  }
  const record = newRecord(root, source, parsed, chosen);
  const study = await createStudy(root, {
    ...record,
    ...(options.atOnce !== undefined && { atOnce: options.atOnce }),
    scheduling: timing?.scheduling ?? null,
  });
  terminal.note(l10n.t('Study: {0}', study.folder));
  return drive(terminal, root, study, options);
}

/** A problem with its place; that of a study without a file has none that a person could look at. */
function tellProblem(terminal: Terminal, studyFile: string | null, problem: Problem): void {
  if (studyFile !== null) terminal.note(formatProblem(shownPath(studyFile), problem));
  else if (problem.severity === 'error') terminal.fail(problem);
  else terminal.note(`${problem.what} ${problem.remedy}`);
}

/** The experiment file that a study file names, absolute. */
function experimentIn(file: string, text: string): string {
  const named = experimentPathOf(parseDocument(text, file));
  if (named !== null) return resolve(dirname(resolve(file)), named);
  throw new UserError({
    what: l10n.t('{0} names no experiment, so it is no study.', file),
    remedy: l10n.t(
      'Name a study file, or an experiment with the tricks in question: {0}',
      `tricks study ${file} --tricks warmup,mixup --budget 16`,
    ),
  });
}

function baselineOf(root: string, file: string, text: string): Baseline {
  const parsed = parseExperiment(text, file, [], 'train', factsLookup(root, dirname(file)));
  if (!parsed.ok) throw new Error(`${file} cannot be read any more`);
  return parsed;
}

/** Chooses the design and what its blocks are, which the images themselves may decide. */
async function choosePlanIn(
  terminal: Terminal,
  root: string,
  { experiment }: StudySource,
  parsed: ReadStudy,
  runs: number,
): Promise<ChosenPlan> {
  const { baseline, study } = parsed;
  // What the blocks are makes no difference to the design.
  const asSplit = choosePlan(parsed, runs, true);
  if (asSplit.blocks === 'seeds' || validationOrigin(baseline) !== 'either') return asSplit;
  const of = foldsFor(asSplit.plan.blocks.length, baseline);
  const request = foldRequest(baseline, { index: 0, of });
  if (!request) return asSplit;
  await indexFolds(terminal, root, experiment.file, [request]);
  // Images that have a split of their own are the same in every fold.
  const facts = factsLookup(root, dirname(experiment.file))(request);
  if (facts?.fingerprint !== baseline.recipe.data.dataset.fingerprint) return asSplit;
  if (study.blocks === 'folds') {
    throw new UserError({
      what: l10n.t(
        'Folds need validation images that are split from the training images, and {0} has its own.',
        baseline.recipe.data.dataset.name,
      ),
      remedy: l10n.t('Use seeds.'),
    });
  }
  return choosePlan(parsed, runs, false);
}

/**
 * The text of a study that has no file.
 *
 * @throws UserError where a name is no trick's
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
    throw new UserError({
      what: l10n.t('There is no trick {0}.', factor.unknown),
      remedy: l10n.t('Use the names of tricks, with commas between, such as {0}.', 'warmup,mixup'),
    });
  });
  const experiment = basename(file);
  const name = studyFileName(experiment).replace(/\.study\.yaml$/, '');
  return studyText({ name, experiment, factors, budget: { runs: budget } });
}

/** The latest study of the same texts that is not over. */
async function unfinishedStudy(root: string, source: StudySource): Promise<ReadableStudy | null> {
  const found = (await listStudies(root)).find(
    (study) =>
      study.kind === 'study' &&
      study.record.study.text === source.text &&
      study.record.experiment.text === source.experiment.text &&
      study.record.experiment.file === source.experiment.file &&
      study.record.confirms === null &&
      study.record.state.status !== 'done',
  );
  return found?.kind === 'study' ? found : null;
}

interface Timing {
  readonly secondsPerRun: number;
  readonly atOnce: number;
  /** Where it was measured. */
  readonly scheduling: Scheduling | null;
}

/** How long a run takes: as this experiment's last run, else by a trial where the budget is in hours; null if not known. */
async function timingOf(
  terminal: Terminal,
  root: string,
  { experiment }: StudySource,
  { baseline, study }: ReadStudy,
  options: BeginOptions,
): Promise<Timing | null> {
  const last = secondsOfLastRun(await listRuns(root), baseline.recipe);
  if (last !== null) return { secondsPerRun: last, atOnce: 1, scheduling: null };
  if ('runs' in study.budget) return null;
  terminal.note(l10n.t('Measuring how long a run takes...'));
  const scheduling = await chooseScheduling(
    { recipe: baseline.recipe, experimentFile: experiment.file },
    { atOnce: options.atOnce ?? study.atOnce, runs: Number.MAX_SAFE_INTEGER },
    {
      root,
      start: (folder, changes) =>
        startRun(folder, { nodePath: process.execPath, trainerPath: TRAINER_PATH, ...changes }),
    },
  );
  const { secondsPerRun, atOnce } = scheduling;
  if (secondsPerRun === null) {
    throw new UserError({
      what: l10n.t('How long a run takes could not be measured: its training is too short.'),
      remedy: l10n.t('Give the budget in runs: {0}', 'budget: { runs: 16 }'),
    });
  }
  return { secondsPerRun, atOnce, scheduling };
}
