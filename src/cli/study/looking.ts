import * as l10n from '@vscode/l10n';
import type { StudyAnalysis } from '../../protocol/study';
import { assertNever } from '../../shared/assertNever';
import { formatAge } from '../../shared/format';
import { UserError } from '../../shared/userError';
import { analysisOf, readOutcomes } from '../../studies/analysing';
import { askToStop } from '../../studies/lock';
import { experimentsOf } from '../../studies/planning';
import { brokenStudyFailure, findStudy, listStudies, type ReadableStudy } from '../../studies/store';
import type { JsonOption } from '../options';
import { EXIT, type ExitCode, paint, type Terminal } from '../terminal';
import {
  countText,
  EFFECT_TITLES,
  effectRows,
  endText,
  metricText,
  NONE,
  notesOf,
  settingText,
  stateText,
} from './words';

/**
 * The study that a person means, which can be read.
 *
 * @throws UserError where there is none, or it is broken
 */
export async function readableStudy(root: string, reference: string): Promise<ReadableStudy> {
  const study = await findStudy(root, reference);
  if (study.kind === 'broken') throw new UserError(brokenStudyFailure(study));
  return study;
}

/** What a study's runs say by now, with how many of them are over. */
export async function analysed(
  root: string,
  { record }: ReadableStudy,
): Promise<{ readonly analysis: StudyAnalysis; readonly done: number }> {
  const outcomes = await readOutcomes(root, record);
  const done = outcomes.filter(({ outcome }) => outcome.kind !== 'missing').length;
  return { analysis: analysisOf(record, outcomes, allowedIn(root, record)), done };
}

/** Which settings can be run; not known where the study's experiment can no longer be read. */
function allowedIn(root: string, record: ReadableStudy['record']) {
  // A confirmation has two arms, both of which can.
  if (record.confirms) return undefined;
  try {
    return experimentsOf(root, record).isAllowed;
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** Lists every study of a store, newest first. */
export async function list(
  terminal: Terminal,
  root: string,
  { json = false }: JsonOption,
): Promise<ExitCode> {
  const studies = await listStudies(root);
  if (json) {
    terminal.printJson(
      studies.map((study) => (study.kind === 'study' ? { folder: study.folder, ...study.record } : study)),
      2,
    );
    return EXIT.done;
  }
  if (studies.length === 0) {
    terminal.note(l10n.t('No study was made in {0} yet. Make one: {1}', root, 'tricks study FILE'));
    return EXIT.done;
  }
  const now = Date.now();
  const rows = await Promise.all(
    studies.map(async (study) => {
      if (study.kind === 'broken') return [study.id, stateText(study), NONE, NONE, NONE];
      const { record } = study;
      const outcomes = await readOutcomes(root, record);
      const done = outcomes.filter(({ outcome }) => outcome.kind !== 'missing').length;
      const age = formatAge((now - record.createdAt) / 1000);
      return [study.id, stateText(study), countText(record.runs, done), `${record.factors.length}`, age];
    }),
  );
  const titles = [l10n.t('STUDY'), l10n.t('STATE'), l10n.t('RUNS'), l10n.t('FACTORS'), l10n.t('AGE')];
  terminal.printTable(titles, rows, [2, 3]);
  for (const study of studies) {
    if (study.kind === 'broken') terminal.fail(brokenStudyFailure(study));
  }
  return EXIT.done;
}

/** Prints what a study shows by now. */
export async function show(
  terminal: Terminal,
  root: string,
  reference: string,
  { json = false }: JsonOption,
): Promise<ExitCode> {
  const study = await readableStudy(root, reference);
  const { record, id } = study;
  const { analysis, done } = await analysed(root, study);
  if (json) {
    terminal.printJson({ ...record, isInterrupted: study.isInterrupted, runsDone: done, analysis }, 2);
    return EXIT.done;
  }
  terminal.print(paint('bold', `${record.name} (${id})`));
  terminal.print(
    l10n.t('{0}; {1} runs done; {2}', stateText(study), countText(record.runs, done), metricText(record)),
  );
  tellState(terminal, study);
  if (done > 0) {
    terminal.print();
    terminal.printTable(EFFECT_TITLES(), effectRows(record, analysis), []);
    for (const note of notesOf(record, analysis)) terminal.print(note);
  }
  terminal.print();
  const titles = [l10n.t('BLOCK'), l10n.t('SEED'), l10n.t('SETTING'), l10n.t('RUN')];
  const rows = record.runs.map(({ block, setting, run, isReused }) => [
    `${block + 1}`,
    `${record.seeds[block] ?? NONE}`,
    settingText(record, setting),
    run === null ? NONE : isReused ? l10n.t('{0} (was there)', run) : run,
  ]);
  terminal.printTable(titles, rows, [0, 1]);
  return EXIT.done;
}

function tellState(terminal: Terminal, { record: { state, id }, isInterrupted }: ReadableStudy): void {
  switch (state.status) {
    case 'running':
      if (isInterrupted) terminal.print(l10n.t('To go on: {0}', `tricks study resume ${id}`));
      return;
    case 'stopped':
      if (state.because) terminal.print(state.because.what);
      terminal.print(l10n.t('To go on: {0}', `tricks study resume ${id}`));
      return;
    case 'failed':
      terminal.fail(state.failure);
      return;
    case 'done':
      terminal.print(endText(state));
      return;
    default:
      assertNever(state);
  }
}

/** Prints a study as Markdown, or as JSON. */
export async function reportStudy(
  terminal: Terminal,
  root: string,
  reference: string,
  options: JsonOption,
): Promise<ExitCode> {
  if (options.json) return show(terminal, root, reference, options);
  const study = await readableStudy(root, reference);
  const { record } = study;
  const { analysis, done } = await analysed(root, study);
  const cell = (text: string) => text.replaceAll('|', '\\|');
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`;
  const titles = EFFECT_TITLES();
  const lines = [
    `# ${record.name}`,
    '',
    `${l10n.t('{0} of {1} runs; {2}', done, record.runs.length, metricText(record))}.`,
    '',
    line(titles),
    line(titles.map(() => '---')),
    ...effectRows(record, analysis).map(line),
    '',
    ...notesOf(record, analysis).map((note) => `- ${note}`),
  ];
  terminal.printText(lines.join('\n'));
  return EXIT.done;
}

/** Stops a study, whichever process runs it. */
export async function stopStudy(terminal: Terminal, root: string, reference: string): Promise<ExitCode> {
  const { id, folder } = await readableStudy(root, reference);
  if (!(await askToStop(folder))) {
    terminal.fail({
      what: l10n.t('The study {0} is not running.', id),
      remedy: l10n.t('List the studies to see which one is: {0}', 'tricks study list'),
    });
    return EXIT.failed;
  }
  terminal.print(l10n.t('Stopped {0}. To go on: {1}', id, `tricks study resume ${id}`));
  return EXIT.done;
}
