import { basename, dirname, resolve } from 'node:path';
import * as l10n from '@vscode/l10n';
import { factsLookup } from '../../datasets/index/store';
import { formatProblem } from '../../experiment/problem';
import { parseDocument } from '../../experiment/text/document';
import { listRuns } from '../../runs/store';
import { startRun } from '../../runs/supervisor';
import { formatDuration } from '../../shared/format';
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
import type { Scheduling } from '../../studies/record';
import { chooseScheduling, secondsOfLastRun } from '../../studies/scheduling';
import { createStudy, listStudies, type ReadableStudy } from '../../studies/store';
import { validationOrigin } from '../../study/file/blocks';
import { experimentPathOf } from '../../study/file/parse';
import type { ReadStudy } from '../../study/file/study';
import type { AllowOption } from '../dataAccess';
import { readExperiment, readText } from '../input';
import { type FolderOption, rootOf } from '../options';
import { TRAINER_PATH } from '../package';
import { EXIT, type ExitCode, paint, type Terminal } from '../terminal';
import { type DriveOptions, drive } from './drive';
import { indexFolds } from './folds';
import { settingText } from './words';

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
  const text =
    options.tricks === undefined ? await readText(file) : await textOf(file, options.tricks, options);
  const studyFile = options.tricks === undefined ? resolve(file) : null;
  const named = experimentPathOf(parseDocument(text, studyFile ?? 'study.yaml'));
  if (named === null) {
    throw new UserError({
      what: l10n.t('{0} names no experiment, so it is no study.', file),
      remedy: l10n.t(
        'Name a study file, or an experiment with the tricks in question: {0}',
        `tricks study ${file} --tricks warmup,mixup --budget 16`,
      ),
    });
  }
  const experimentFile = studyFile === null ? resolve(file) : resolve(dirname(studyFile), named);
  const experiment = await readExperiment(terminal, experimentFile, { ...options, isTrained: true });
  if (!experiment) return EXIT.badInput;
  const root = await rootOf(terminal, options);
  const source: StudySource = {
    file: studyFile,
    text,
    experiment: { file: experimentFile, text: experiment.text },
  };
  const parsed = readSource(root, source);
  if (!parsed.ok) {
    for (const problem of parsed.why === 'problems' ? parsed.problems : []) {
      terminal.note(formatProblem(studyFile ?? file, problem));
    }
    if (parsed.why === 'search') {
      terminal.note(l10n.t('{0} is a search. To run it: {1}', file, `tricks tune ${file}`));
    }
    return EXIT.badInput;
  }
  for (const problem of parsed.warnings) terminal.note(formatProblem(studyFile ?? file, problem));

  const unfinished = await unfinishedStudy(root, source);
  if (unfinished && !options.dryRun) {
    terminal.note(l10n.t('Going on with the study {0}, which is of this very text.', unfinished.id));
    return drive(terminal, root, unfinished, options);
  }
  const timing = await timingOf(terminal, root, source, parsed, options);
  const runs = runsOfBudget(parsed.study.budget, timing ?? { secondsPerRun: 1, atOnce: 1 });
  const chosen = await choosePlanIn(terminal, root, source, parsed, runs);
  describe(terminal, parsed, chosen, timing);
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

/** The text of a study that has no file. */
async function textOf(
  file: string,
  tricks: string,
  { budget = 16 }: Pick<BeginOptions, 'budget'>,
): Promise<string> {
  await readText(file);
  const names = tricks.split(',').map((name) => name.trim());
  const name = `${basename(file).replace(/(\.experiment)?\.(ya?ml|jsonc?)$/i, '')}-study`;
  return [
    `name: ${JSON.stringify(name)}`,
    `experiment: ${JSON.stringify(basename(file))}`,
    `factors: ${JSON.stringify(names.filter((each) => each !== ''))}`,
    `budget: { runs: ${budget} }`,
    '',
  ].join('\n');
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

/** Says what the study is going to run, before it does. */
function describe(
  terminal: Terminal,
  { study, settings }: ReadStudy,
  { plan, blocks, notes }: ChosenPlan,
  timing: Timing | null,
): void {
  const runs = plan.blocks.reduce((sum, block) => sum + block.settings.length, 0);
  terminal.note(
    paint(
      'bold',
      l10n.t(
        '{0}: {1} factors, {2} runs in {3} blocks',
        study.name,
        settings.factors.length,
        runs,
        plan.blocks.length,
      ),
    ),
  );
  terminal.note(
    l10n.t(
      'Design: {0}',
      plan.resolution === null ? plan.kind : `${plan.kind}, resolution ${plan.resolution}`,
    ),
  );
  terminal.note(
    blocks === 'folds'
      ? l10n.t('Each block has its own fold of the images and its own seed.')
      : l10n.t('Each block has its own seed.'),
  );
  for (const note of notes) terminal.note(note);
  const seconds = timing && (runs * timing.secondsPerRun) / timing.atOnce;
  terminal.note(
    seconds === null
      ? l10n.t('Expected time: unknown until the first steps are measured')
      : l10n.t('Expected time: {0}', formatDuration(seconds)),
  );
  const [block] = plan.blocks;
  for (const [index, setting] of (block?.settings ?? []).entries()) {
    terminal.note(`  ${index + 1}. ${settingText({ factors: settings.factors }, setting)}`);
  }
}
