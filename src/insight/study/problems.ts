import * as l10n from '@vscode/l10n';
import { lacksIndex } from '../../experiment/parse';
import type { Problem } from '../../experiment/problem';
import type { ExperimentDocument } from '../../experiment/text/document';
import { assertNever } from '../../shared/assertNever';
import type { ExperimentReading, StudyParse } from '../../study/file/study';
import { searchProblems } from '../../study/search/check';
import { readSearch } from '../../study/search/parse';

/** Reads the experiment that a file names. */
type ReadExperiment = (path: string) => ExperimentReading;

/**
 * Returns the problems to show for a study or search file: the warnings, if it can be run.
 *
 * @param readExperiment reads the experiment of a search; without it, only the search file itself is checked
 */
export function problemsOf(parsed: StudyParse, readExperiment?: ReadExperiment): readonly Problem[] {
  if (parsed.ok) return parsed.warnings;
  switch (parsed.why) {
    case 'problems':
      return parsed.problems;
    case 'search':
      return problemsOfSearch(parsed.document, readExperiment);
    case 'unindexed':
      return [
        unindexed(
          parsed.document,
          l10n.t(
            'The images of {0} have not been indexed, so its factors cannot be checked.',
            parsed.study.experiment,
          ),
        ),
      ];
    default:
      return assertNever(parsed);
  }
}

function problemsOfSearch(
  document: ExperimentDocument,
  readExperiment: ReadExperiment | undefined,
): readonly Problem[] {
  const reading = readSearch(document);
  if (!reading.ok) return reading.problems;
  const { search } = reading;
  const experiment = readExperiment?.(search.experiment);
  if (!experiment) return [];
  if (!experiment.ok) return [ofExperiment(document, unreadable(search.experiment, experiment.reason))];
  const { parsed } = experiment;
  if ('factsOf' in parsed && lacksIndex(parsed)) {
    const what = l10n.t(
      'The images of {0} have not been indexed, so its search cannot be checked.',
      search.experiment,
    );
    return [unindexed(document, what)];
  }
  const { text, format } = parsed.document;
  const place = 'factsOf' in parsed ? { factsOf: parsed.factsOf } : parsed.place;
  return searchProblems(search, document, { text, fileName: `experiment.${format}`, ...place });
}

function unindexed(document: ExperimentDocument, what: string): Problem {
  const remedy = l10n.t('Open the experiment and index its data.');
  return ofExperiment(document, { severity: 'warning', what, remedy });
}

function unreadable(path: string, reason: string): Omit<Problem, 'path' | 'range'> {
  return {
    severity: 'error',
    what: l10n.t('The experiment {0} cannot be read: {1}', path, reason),
    remedy: l10n.t("Write the path of an experiment file, relative to this file's folder."),
  };
}

function ofExperiment(document: ExperimentDocument, found: Omit<Problem, 'path' | 'range'>): Problem {
  return { ...found, path: ['experiment'], range: document.rangeOf(['experiment']) };
}
