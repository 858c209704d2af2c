import { rm } from 'node:fs/promises';
import { basename, dirname, relative, resolve, sep } from 'node:path';
import * as l10n from '@vscode/l10n';
import type { Command } from 'commander';
import { factsLookup } from '../../datasets/index/store';
import { isCommandValue } from '../../experiment/command/schema';
import { formatProblem, type Problem } from '../../experiment/problem';
import { parseDocument } from '../../experiment/text/document';
import { parseAnyExperiment } from '../../interop/command/parse';
import { takeLock } from '../../searches/lock';
import {
  claimSearchFolder,
  journalPath,
  listSearches,
  readRecord,
  SEARCH_VERSION,
  type SearchRecord,
  writeRecord,
} from '../../searches/record';
import { runSearch, type SearchEvent } from '../../searches/runSearch';
import { counted } from '../../shared/counted';
import { UserError } from '../../shared/userError';
import { isMapping } from '../../shared/values';
import { searchProblems } from '../../study/search/check';
import { canResume, searchRungs } from '../../study/search/commandSearch';
import { isSearch, parseSearch } from '../../study/search/parse';
import type { Search } from '../../study/search/search';
import { quoted } from '../../system/allowedFolders';
import { isInside } from '../../system/insideFolder';
import { filesOfCommand, type ReadTraining, readTraining } from '../commandInput';
import { type AllowOption, withAllow } from '../dataAccess';
import { readText } from '../input';
import { type CommandContext, type FolderOption, folderOption, type JsonOption, rootOf } from '../options';
import { commandsAt } from '../output';
import { TRAINER_PATH, VERSIONS } from '../package';
import { EXIT, type ExitCode, paint, type Terminal } from '../terminal';
import {
  arrivalLine,
  bestOf,
  doneLine,
  searchJson,
  trialJson,
  trialRows,
  trialTitles,
  valuesLine,
} from './shown';

interface TuneOptions extends AllowOption, FolderOption, JsonOption {
  readonly python?: string;
  readonly new?: boolean;
}

export function addTuneCommand(program: Command, { terminal, end }: CommandContext): void {
  withAllow(program.command('tune'))
    .description(l10n.t('search for good values: try many for a few epochs, then train the best ones longer'))
    .argument('<file>', l10n.t('a search file: *.study.yaml with the key search'))
    .option('--python <path>', l10n.t('the Python that has Optuna, for its samplers'))
    .option('--new', l10n.t('start over, even if this search is unfinished'))
    .option('--json', l10n.t('print each trial as one line of JSON, and the result as the last line'))
    .option(...folderOption())
    .action(async (file: string, options: TuneOptions) => end(await tune(terminal, file, options)));
}

/** A search with its experiment. */
interface Opened {
  readonly search: Search;
  readonly text: string;
  readonly experimentFile: string;
  readonly experiment: ReadTraining;
}

/** Runs or continues a search until it is done or interrupted. */
async function tune(terminal: Terminal, file: string, options: TuneOptions): Promise<ExitCode> {
  const root = await rootOf(terminal, options);
  const opened = await openSearch(terminal, file, options, root);
  if (!opened) return EXIT.badInput;
  for (const warning of opened.experiment.warnings) terminal.note(warning);
  const { folder, isNew } = await searchFolder(terminal, opened, file, root, options);
  const giveUp = await takeLock(folder);
  try {
    // Read again: another process may have continued the search before we took the lock.
    const reading = await readRecord(folder);
    if (!reading?.ok) {
      terminal.fail({
        what: reading?.reason ?? l10n.t('{0} no longer exists.', folder),
        remedy: l10n.t(
          'Start the search over: {0}',
          (await commandsAt(root))(`tricks tune ${quoted(file)} --new`),
        ),
      });
      return EXIT.failed;
    }
    return await follow(terminal, opened, reading.record, { file, folder, root, isNew, options });
  } catch (error) {
    if (await hasNoTrial(folder)) {
      // A new search without a trial is not worth continuing.
      if (isNew) await rm(folder, { recursive: true, force: true });
      throw error;
    }
    if (!(error instanceof UserError)) throw error;
    // The search had begun, so this is not an error in the input.
    terminal.fail(error.failure);
    return EXIT.failed;
  } finally {
    await giveUp();
  }
}

async function hasNoTrial(folder: string): Promise<boolean> {
  const reading = await readRecord(folder);
  return reading?.ok === true && reading.record.trials.length === 0;
}

/** Whether a file's value is an experiment: it has parts of one, and no key that only a search has. */
function isExperiment(value: unknown): boolean {
  if (!isMapping(value)) return false;
  return (
    !['experiment', 'search', 'budget'].some((key) => key in value) &&
    (['data', 'model'].some((key) => key in value) || isCommandValue(value))
  );
}

/** Reads a search file and its experiment. If they have problems, prints one per line and returns null. */
async function openSearch(
  terminal: Terminal,
  file: string,
  options: TuneOptions,
  root: string,
): Promise<Opened | null> {
  const text = await readText(file);
  const note = (problems: readonly Problem[]) => {
    for (const problem of problems) terminal.note(formatProblem(file, problem));
    return null;
  };
  const { value } = parseDocument(text, file);
  const isStudy = typeof value === 'object' && value !== null && 'factors' in value && !isSearch(value);
  if (isStudy) {
    terminal.fail({
      what: l10n.t('{0} is a study, not a search: it has factors instead of search.', file),
      remedy: l10n.t('Run it: {0}', `tricks study ${quoted(file)}`),
    });
    return null;
  }
  if (isExperiment(value)) {
    const parameter = isCommandValue(value) ? 'trainer.values.lr' : 'optimizer.base_lr';
    terminal.fail({
      what: l10n.t('{0} is an experiment, not a search.', file),
      remedy: l10n.t(
        'Write a search file, such as {0}, with experiment: {1}, search: {2} and budget: {3}.',
        'lr.study.yaml',
        basename(file),
        `{ ${parameter}: { log: [0.01, 1] } }`,
        '{ trials: 16 }',
      ),
    });
    return null;
  }
  const reading = parseSearch(text, file);
  if (!reading.ok) return note(reading.problems);
  const experimentFile = resolve(dirname(file), reading.search.experiment);
  const experiment = await readTraining(terminal, experimentFile, options);
  if (!experiment) return null;
  const problems = searchProblems(reading.search, reading.document, {
    text: experiment.text,
    fileName: experimentFile,
    ...lookups(root, experimentFile),
  });
  if (problems.length > 0) return note(problems);
  return { search: reading.search, text, experimentFile, experiment };
}

/** How an experiment's images and the files of its command are found. */
function lookups(root: string, experimentFile: string) {
  return { factsOf: factsLookup(root, dirname(experimentFile)), readText: filesOfCommand(root) };
}

/** The folder of an unfinished search with the same texts, or of a new search. */
async function searchFolder(
  terminal: Terminal,
  { search, text, experimentFile, experiment }: Opened,
  file: string,
  root: string,
  { new: isAnew = false }: TuneOptions,
): Promise<{ readonly folder: string; readonly isNew: boolean }> {
  const { searches, broken } = await listSearches(root);
  for (const reason of broken) terminal.note(l10n.t('{0}: {1}', l10n.t('warning'), reason));
  const unfinished = searches.find(
    ({ record }) =>
      record.state === 'unfinished' && record.text === text && record.experiment.text === experiment.text,
  );
  if (unfinished && !isAnew) return { folder: unfinished.folder, isNew: false };
  const createdAt = Date.now();
  const digits = new Date(createdAt).toISOString().replace(/\D/g, '');
  const slug = search.name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replace(/^-|-$/g, '');
  const name = `${digits.slice(0, 8)}-${digits.slice(8, 14)}-${slug || 'search'}`;
  const { id, folder } = await claimSearchFolder(root, name);
  const rungs = searchRungs(search, experiment.recipe);
  if (!rungs) throw new Error(`The number of epochs of ${experimentFile} is unknown`);
  await writeRecord(folder, {
    ...{ version: SEARCH_VERSION, id, createdAt, file: within(root, resolve(file)), text },
    experiment: { file: experimentFile, text: experiment.text },
    rungs,
    ...{ drawn: 0, seconds: 0, trials: [], state: 'unfinished' },
  });
  return { folder, isNew: true };
}

/** A path relative to the folder that has the store, if it is inside. */
function within(root: string, path: string): string {
  return isInside(path, root) ? relative(root, path).split(sep).join('/') : path;
}

interface Place {
  readonly file: string;
  readonly folder: string;
  readonly root: string;
  readonly isNew: boolean;
  readonly options: TuneOptions;
}

async function follow(
  terminal: Terminal,
  { search, experimentFile, experiment }: Opened,
  record: SearchRecord,
  { file, folder, root, isNew, options }: Place,
): Promise<ExitCode> {
  const { json = false, python } = options;
  const { rungs } = record;
  const resumes = canResume(experiment.recipe);
  const tell = (line: string) => (json ? terminal.note(line) : terminal.print(line));
  tell(
    isNew
      ? l10n.t('Searching {0}: a trial trains to epoch {1}.', search.name, rungs.join(l10n.t(', then ')))
      : l10n.t('Continuing with {0}: {1} so far.', record.id, counted(record.trials.length, 'trial')),
  );
  if (!resumes && rungs.length > 1) {
    tell(l10n.t('The command cannot resume, so a trial is not paused at a rung: it goes on or stops there.'));
  } else if (!resumes && search.seeds > 1) {
    tell(l10n.t('The command cannot resume, so each trial trains all its seeds to the end.'));
  }
  const status = terminal.statusLine();
  const command = await commandsAt(root);
  let known = record;
  const onEvent = (event: SearchEvent) => {
    known = { ...known, trials: withTrial(known.trials, event.trial) };
    if (event.type === 'retried') {
      status?.clear();
      terminal.note(
        resumes
          ? l10n.t('{0} crashed and resumes from its checkpoint ({1} of 3).', event.run, event.count)
          : l10n.t('{0} crashed and starts over ({1} of 3).', event.run, event.count),
      );
      return;
    }
    if (event.type === 'startedOver') {
      terminal.note(l10n.t('Trial {0} starts over, because its command cannot resume.', event.trial.id));
      return;
    }
    if (event.type !== 'arrived') {
      const epoch = event.type === 'epoch' ? event.epoch.epoch + 1 : 0;
      status?.show(l10n.t('Trial {0}: epoch {1} of {2}', event.trial.id, epoch, rungs.at(-1) ?? 0));
      return;
    }
    status?.clear();
    const now = bestOf(search, known);
    const isBest = now?.trial.id === event.trial.id && now.epochs === rungs[event.rung];
    if (json)
      terminal.printJson({ type: 'trial', ...trialJson(search, event.trial), epochs: rungs[event.rung] });
    else {
      const line = arrivalLine(search, rungs, event.trial, event.rung);
      terminal.print(isBest ? [`${line} `, paint('green', l10n.t('best so far'))] : line);
    }
  };
  const pause = new AbortController();
  const interrupt = () => {
    if (!pause.signal.aborted) {
      terminal.note(
        resumes
          ? l10n.t('Pausing the trials.')
          : l10n.t('Stopping the trials. Their command cannot resume, so they will start over.'),
      );
    }
    pause.abort();
  };
  terminal.closed.addEventListener('abort', interrupt, { once: true });
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt).on('SIGHUP', interrupt);
  const found = lookups(root, experimentFile);
  let after: SearchRecord;
  try {
    after = await runSearch(record, {
      ...{ root, folder, search, python, versions: VERSIONS, onEvent, signal: pause.signal },
      command: { nodePath: process.execPath, trainerPath: TRAINER_PATH, stopWithParent: true },
      written: parseDocument(experiment.text, experimentFile).value,
      recipe: experiment.recipe,
      recipeOf: (settings) => {
        const parsed = parseAnyExperiment(experiment.text, experimentFile, settings, found);
        return parsed.ok ? parsed.recipe : null;
      },
    });
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt).off('SIGHUP', interrupt);
    status?.clear();
  }
  if (json) terminal.printJson(searchJson(search, after, folder));
  else show(terminal, search, after);
  if (after.state === 'done') {
    tellResult(tell, search, after, { experimentFile, command, seed: experiment.recipe.seed });
    tell(l10n.t('View it in Optuna: {0}', `optuna-dashboard ${quoted(journalPath(folder))}`));
    return EXIT.done;
  }
  tell(l10n.t('Paused. To resume: {0}', command(`tricks tune ${quoted(file)}`)));
  return EXIT.stopped;
}

function withTrial(
  trials: SearchRecord['trials'],
  trial: SearchRecord['trials'][number],
): SearchRecord['trials'] {
  return trials.some(({ id }) => id === trial.id)
    ? trials.map((each) => (each.id === trial.id ? trial : each))
    : [...trials, trial];
}

function show(terminal: Terminal, search: Search, record: SearchRecord): void {
  if (record.trials.length === 0) return;
  const { titles, right } = trialTitles(search);
  terminal.print();
  terminal.printTable(titles, trialRows(search, record), right);
  terminal.print();
}

function tellResult(
  tell: (line: string) => void,
  search: Search,
  record: SearchRecord,
  {
    experimentFile,
    command,
    seed,
  }: {
    readonly experimentFile: string;
    readonly command: (command: string) => string;
    readonly seed: number;
  },
): void {
  tell(doneLine(record));
  const best = bestOf(search, record);
  if (!best) {
    tell(l10n.t('No trial completed without a failure.'));
    return;
  }
  const { trial, epochs } = best;
  tell(
    l10n.t(
      'Best: trial {0} ({1}), after {2}.',
      trial.id,
      valuesLine(search, trial),
      counted(epochs, 'epoch'),
    ),
  );
  // The best of many trials is partly best by luck.
  tell(l10n.t('Its value is biased upward: it is the best of {0}.', record.trials.length));
  const settings = trial.settings.map((setting) => `--set ${quoted(setting)}`).join(' ');
  tell(
    l10n.t(
      'Try it with another seed: {0}',
      // The first seed that no trial used.
      command(`tricks run ${quoted(shown(experimentFile))} ${settings} --seed ${seed + search.seeds}`),
    ),
  );
}

function shown(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.length < path.length ? fromHere : path;
}
