// The report that `tricks study report` prints.
import * as l10n from '@vscode/l10n';
import type { StudyView } from '../../../protocol/studyView';
import { markdownCode, markdownText } from '../../../shared/markdown';
import { visibleText } from '../../../shared/visibleText';
import { forestText } from './forestText';
import { divergenceTable, runTable, studyTable, type TextTable } from './studyTable';

/** Formats a study as GitHub-flavored Markdown. Names and texts from files are escaped as plain text. */
export function reportMarkdown(view: StudyView): string {
  return `${[
    `# ${markdownText(view.name)}`,
    bullets([
      view.experiment,
      view.design,
      `${view.state.text}: ${[view.progress.text, view.progress.time].filter(Boolean).join(', ')}`,
    ]),
    ...view.notices.map(({ text }) => `> ${markdownText(text)}`),
    ...(view.state.failure
      ? [`> ${markdownText(`${view.state.failure.what} ${view.state.failure.remedy}`)}`]
      : []),
    ...effectSection(view),
    ...chosenSection(view),
    ...interactionSection(view),
    ...section(l10n.t('Noise'), [paragraph(view.noise), bullets(view.outliers)]),
    ...divergenceSection(view),
    ...section(
      l10n.t('On the error scale'),
      view.logErrors.length === 0
        ? []
        : [bullets(view.logErrors.map(({ label, text }) => `${label}: ${text}`))],
    ),
    ...stepSection(view),
    ...runSection(view),
  ]
    .filter((part) => part !== '')
    .join('\n\n')}\n`;
}

function effectSection(view: StudyView): string[] {
  const { effects, headings } = view;
  if (effects.length === 0) return section(headings.table, [l10n.t('No run has completed yet.')]);
  const plot = forestText(view).map(visibleText);
  const notes = effects.flatMap(({ label, estimates, costDetails, paperDetails }) =>
    [...estimates, ...costDetails, ...paperDetails].length === 0
      ? []
      : [`${label}: ${[...estimates, ...costDetails, ...paperDetails].join('; ')}`],
  );
  return section(headings.table, [
    paragraph(headings.interval),
    table(studyTable(view)),
    plot.length === 0 ? '' : ['```text', ...plot, '```'].join('\n'),
    bullets(notes),
  ]);
}

function chosenSection({ chosen, confirmation }: StudyView): string[] {
  if (!chosen && !confirmation) return [];
  return section(l10n.t('Best set'), [
    chosen
      ? paragraph(`${l10n.t('Predicted: {0}', joined(chosen.text, chosen.gain))}. ${chosen.caution}`)
      : '',
    confirmation ? paragraph(confirmation) : '',
  ]);
}

function interactionSection({ interactions }: StudyView): string[] {
  if (interactions.text === '') return [];
  return section(l10n.t('Interactions'), [paragraph(interactions.text), bullets(interactions.shown)]);
}

function divergenceSection(view: StudyView): string[] {
  if (view.divergences.length === 0) return [];
  return section(l10n.t('Runs that diverged'), [table(divergenceTable(view))]);
}

function stepSection({ steps }: StudyView): string[] {
  const lines = steps
    // The reader already has the report.
    .filter(({ action }) => action !== 'report')
    .map(({ text, command }, index) => {
      return `${index + 1}. ${markdownText(text)}${command === null ? '' : ` ${markdownCode(command)}`}`;
    });
  return lines.length === 0 ? [] : section(l10n.t('What to do next'), [lines.join('\n')]);
}

function runSection(view: StudyView): string[] {
  return section(l10n.t('Runs'), [table(runTable(view))]);
}

function joined(...parts: readonly string[]): string {
  return parts.filter(Boolean).join(', ');
}

function section(title: string, parts: readonly string[]): string[] {
  const filled = parts.filter((part) => part !== '');
  return filled.length === 0 ? [] : [`## ${markdownText(title)}`, ...filled];
}

function paragraph(text: string): string {
  return markdownText(text);
}

function bullets(texts: readonly string[]): string {
  return texts.map((text) => `- ${markdownText(text)}`).join('\n');
}

function table({ titles, rows }: TextTable): string {
  const line = (cells: readonly string[]) => `| ${cells.map(markdownText).join(' | ')} |`;
  return [line(titles), `| ${titles.map(() => '---').join(' | ')} |`, ...rows.map(line)].join('\n');
}
