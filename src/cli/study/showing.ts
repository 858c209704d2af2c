/** Prints the results of a study, with the same text as the editor. */
import * as l10n from '@vscode/l10n';
import { forestText } from '../../insight/study/results/forestText';
import {
  divergenceTable,
  runTable,
  studyTable,
  type TextTable,
} from '../../insight/study/results/studyTable';
import type { StudyView } from '../../protocol/studyView';
import { visibleText } from '../../shared/visibleText';
import { table } from '../table';
import { paint, type Terminal } from '../terminal';

/**
 * Prints everything a study shows.
 *
 * @param command formats a command about the study, as `commandsAt` does
 * @param parts `results` leaves out the runs, which may be many
 */
export function printStudy(
  terminal: Terminal,
  view: StudyView,
  command: (command: string) => string,
  parts: 'all' | 'results' = 'all',
): void {
  terminal.print(paint('bold', `${view.name} (${view.id})`));
  terminal.print(`${view.experiment}; ${view.metric}`);
  terminal.print(view.design);
  printState(terminal, view);
  printEffects(terminal, view);
  printBest(terminal, view);
  printSection(terminal, l10n.t('Interactions'), [view.interactions.text, ...view.interactions.shown]);
  printSection(terminal, l10n.t('Noise'), [view.noise, ...view.outliers]);
  printDivergences(terminal, view);
  printSection(
    terminal,
    l10n.t('On the error scale'),
    view.logErrors.map(({ label, text }) => `${label}: ${text}`),
  );
  if (parts === 'all') printRuns(terminal, view);
  printSteps(terminal, view, command);
}

/** Prints the state of the study and what limits its verdicts. */
function printState(terminal: Terminal, { state, progress, notices }: StudyView): void {
  const how = [progress.text, progress.time].filter((text) => text !== '').join(', ');
  terminal.print(`${state.text}: ${how}`);
  if (state.failure) terminal.print(paint('red', `${state.failure.what} ${state.failure.remedy}`));
  for (const { tone, text } of notices) terminal.print(tone === 'warning' ? paint('yellow', text) : text);
}

/** Prints the table of effects alone, as after each block. */
export function printEffectTable(terminal: Terminal, view: Pick<StudyView, 'effects' | 'headings'>): void {
  const { titles, rows, rightAligned } = studyTable(view);
  const width = Math.max(...table([titles, ...rows], rightAligned).map((line) => line.length));
  if (!terminal.isInteractive || width <= terminal.columns) {
    terminal.printTable(titles, rows, rightAligned);
    return;
  }
  // Two tables that fit are better than wrapped lines.
  for (const columns of [
    [0, 1, 2],
    [0, 3, 4],
  ]) {
    const some = (cells: readonly string[]) => columns.map((column) => cells[column] ?? '');
    terminal.printTable(some(titles), rows.map(some), []);
  }
}

function printEffects(terminal: Terminal, view: StudyView): void {
  const { effects, headings } = view;
  terminal.print();
  terminal.print(paint('bold', headings.table));
  if (effects.length === 0) {
    terminal.print(l10n.t('No run has completed yet.'));
    return;
  }
  terminal.print(headings.interval);
  printEffectTable(terminal, view);
  for (const { label, estimates } of effects) {
    if (estimates.length > 0) terminal.print(`${label}: ${estimates.join('; ')}`);
  }
  const plot = forestText(view).map(visibleText);
  // The last line is the caption, which may wrap.
  if (plot.slice(0, -1).some((line) => line.length > terminal.columns)) return;
  terminal.print();
  for (const line of plot) terminal.print(line);
}

function printBest(terminal: Terminal, { chosen, confirmation }: StudyView): void {
  const gain = chosen?.gain ? `${chosen.text}, ${chosen.gain}` : chosen?.text;
  const lines = [
    gain === undefined ? '' : [l10n.t('Predicted: {0}', gain), chosen?.caution].filter(Boolean).join('. '),
    confirmation ?? '',
  ];
  printSection(terminal, l10n.t('Best set'), lines);
}

function printDivergences(terminal: Terminal, view: StudyView): void {
  if (view.divergences.length > 0) printTable(terminal, l10n.t('Runs that diverged'), divergenceTable(view));
}

/** Prints the runs with the names that other commands accept. */
function printRuns(terminal: Terminal, view: StudyView): void {
  const { titles, rows, rightAligned } = runTable(view);
  printTable(terminal, l10n.t('Runs'), {
    titles: [...titles, l10n.t('Run')],
    rows: rows.map((cells, index) => {
      const run = view.runs[index];
      return [...cells, run && run.folder !== null ? run.name : ''];
    }),
    rightAligned,
  });
}

function printSteps(terminal: Terminal, { steps }: StudyView, typed: (command: string) => string): void {
  printSection(
    terminal,
    l10n.t('What to do next'),
    steps.map(({ text, command }) => (command === null ? text : `${text} ${typed(command)}`)),
  );
}

function printTable(terminal: Terminal, title: string, { titles, rows, rightAligned }: TextTable): void {
  terminal.print();
  terminal.print(paint('bold', title));
  terminal.printTable(titles, rows, rightAligned);
}

/** Prints nothing if there are no lines. */
function printSection(terminal: Terminal, title: string, lines: readonly string[]): void {
  const filled = lines.filter((line) => line !== '');
  if (filled.length === 0) return;
  terminal.print();
  terminal.print(paint('bold', title));
  for (const line of filled) terminal.print(line);
}
