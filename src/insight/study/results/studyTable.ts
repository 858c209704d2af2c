// A study's tables for the command line.
import * as l10n from '@vscode/l10n';
import type { StudyView } from '../../../protocol/studyView';

/** Titles and rows of a table, and the columns that hold numbers. */
export interface TextTable {
  readonly titles: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly rightAligned: readonly number[];
}

/**
 * Returns the table in the paper's format: trick, effect with its interval, verdict, cost, and the source's figures.
 * Titles are short so that rows fit in 100 columns. The headings explain them.
 */
export function studyTable({ effects }: Pick<StudyView, 'effects'>): TextTable {
  return {
    titles: [l10n.t('Trick'), l10n.t('Effect'), l10n.t('Verdict'), l10n.t('Cost'), l10n.t('On ImageNet')],
    rows: effects.map(({ label, against, effect, verdictText, aliases, cost, paper }) => [
      against === null ? label : `${label} (${against})`,
      effect,
      [verdictText, ...aliases].join('; '),
      cost,
      paper,
    ]),
    rightAligned: [],
  };
}

/** Returns the runs with the level of each factor and their results. */
export function runTable({ factors, runs }: Pick<StudyView, 'factors' | 'runs'>): TextTable {
  const hasFolds = runs.some(({ fold }) => fold !== null);
  const fold = hasFolds ? [l10n.t('Fold')] : [];
  return {
    titles: [
      ...[l10n.t('Block'), l10n.t('Seed'), ...fold, ...factors],
      ...[l10n.t('Result'), l10n.t('Time'), l10n.t('State')],
    ],
    rows: runs.map((run) => [
      ...[run.block, run.seed, ...(hasFolds ? [run.fold ?? ''] : [])],
      ...run.levels.map(({ text }) => text),
      ...[run.value, run.time],
      run.isOutlier ? l10n.t('{0}, outlier', run.statusText) : run.statusText,
    ]),
    rightAligned: [],
  };
}

/** Returns how often runs diverged with each level. */
export function divergenceTable({ divergences }: Pick<StudyView, 'divergences'>): TextTable {
  return {
    titles: [l10n.t('Trick'), l10n.t('With'), l10n.t('Without'), l10n.t("Fisher's exact test")],
    rows: divergences.map((row) => [row.label, row.with, row.without, row.p]),
    rightAligned: [],
  };
}
