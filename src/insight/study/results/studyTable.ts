// A study's effects as a table of the command line.
import * as l10n from '@vscode/l10n';
import type { StudyView } from '../../../protocol/studyView';

/** Titles and rows of a table, and which columns hold numbers. */
export interface TextTable {
  readonly titles: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly rightAligned: readonly number[];
}

/**
 * The table in the paper's shape: trick, effect with its interval, verdict, cost, and what its source reports. Its titles are
 * short, so that rows of tricks fit in 100 columns; the headings say the rest.
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
