import * as l10n from '@vscode/l10n';
import { forestSvg } from '../../insight/study/results/forestSvg';
import { reportMarkdown } from '../../insight/study/results/reportMarkdown';
import { progressOf, stateText } from '../../insight/study/results/studyNotes';
import { verdictSummary } from '../../insight/study/results/studySummary';
import { studyView } from '../../insight/study/results/studyView';
import type { StudyFacts } from '../../protocol/studyView';
import { formatAge, UNKNOWN } from '../../shared/format';
import { UserError } from '../../shared/userError';
import { StudyReader, studyFacts } from '../../studies/facts';
import { askToStop } from '../../studies/lock';
import type { ReadableStudy } from '../../studies/store';
import type { JsonOption } from '../options';
import { checkWritable, commandsAt, writeOutput } from '../output';
import { EXIT, type ExitCode, type Terminal } from '../terminal';
import { printStudy } from './showing';

/**
 * Reads everything known about a study.
 *
 * @throws UserError if its files are inconsistent
 */
export async function factsOf(root: string, study: ReadableStudy): Promise<StudyFacts> {
  const known = await studyFacts(root, study);
  if (known.kind === 'damaged') throw new UserError(known.failure);
  return known.facts;
}

/** Lists all studies of a store, newest first. */
export async function list(
  terminal: Terminal,
  root: string,
  { json = false }: JsonOption,
): Promise<ExitCode> {
  const studies = (await new StudyReader(root).all()).map(({ known }) => known);
  if (json) {
    terminal.printJson(
      studies.map((known) => (known.kind === 'study' ? known.facts : known)),
      2,
    );
    return EXIT.done;
  }
  if (studies.length === 0) {
    const command = await commandsAt(root);
    terminal.note(
      l10n.t('There is no study in {0} yet. Create one: {1}', root, command('tricks study FILE')),
    );
    return EXIT.done;
  }
  const now = Date.now();
  const rows = studies.map((known) => {
    if (known.kind === 'damaged') return [known.id, l10n.t('Damaged'), UNKNOWN, UNKNOWN, UNKNOWN];
    const { facts } = known;
    return [
      ...[facts.id, stateText(facts.state), progressOf(facts).text],
      verdictSummary(facts, facts.state.status === 'done') || UNKNOWN,
      formatAge((now - facts.createdAt) / 1000),
    ];
  });
  const titles = [l10n.t('STUDY'), l10n.t('STATE'), l10n.t('RUNS'), l10n.t('VERDICTS'), l10n.t('AGE')];
  terminal.printTable(titles, rows, []);
  for (const known of studies) {
    if (known.kind === 'damaged') terminal.fail(known.failure);
  }
  return EXIT.done;
}

/** Prints a study's results so far. */
export async function show(
  terminal: Terminal,
  root: string,
  study: ReadableStudy,
  { json = false }: JsonOption,
): Promise<ExitCode> {
  const facts = await factsOf(root, study);
  if (json) terminal.printJson(facts, 2);
  else printStudy(terminal, studyView(facts), await commandsAt(root));
  return EXIT.done;
}

export interface ReportOptions extends JsonOption {
  /** The output file for the forest plot. */
  readonly svg?: string;
  readonly force?: boolean;
}

/** Prints a study as Markdown or JSON, and writes its forest plot on request. */
export async function reportStudy(
  terminal: Terminal,
  root: string,
  study: ReadableStudy,
  { json = false, svg, force = false }: ReportOptions,
): Promise<ExitCode> {
  if (svg !== undefined) await checkWritable(svg, force);
  const facts = await factsOf(root, study);
  const view = studyView(facts);
  if (svg !== undefined) {
    const picture = forestSvg(view);
    if (picture === '') {
      throw new UserError({
        what: l10n.t('The study {0} has no effects to draw yet.', facts.id),
        remedy: l10n.t('See its results: {0}', (await commandsAt(root))(`tricks study show ${facts.id}`)),
      });
    }
    await writeOutput(svg, picture);
    terminal.note(l10n.t('Wrote the forest plot to {0}.', svg));
  }
  if (json) terminal.printJson(facts, 2);
  // The report already ends with a line break.
  else terminal.printText(reportMarkdown(view).trimEnd());
  return EXIT.done;
}

/** Stops a study, whichever process runs it. */
export async function stopStudy(
  terminal: Terminal,
  root: string,
  { id, folder }: ReadableStudy,
  { json = false }: JsonOption,
): Promise<ExitCode> {
  const command = await commandsAt(root);
  if (!(await askToStop(folder))) {
    terminal.fail({
      what: l10n.t('The study {0} is not running.', id),
      remedy: l10n.t('List the studies to see which one is running: {0}', command('tricks study list')),
    });
    return EXIT.failed;
  }
  if (json) terminal.printJson({ study: id, stopped: true });
  else terminal.print(l10n.t('Stopped {0}. To resume: {1}', id, command(`tricks study resume ${id}`)));
  return EXIT.done;
}
