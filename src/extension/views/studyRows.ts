// Decides which studies and runs appear below an experiment in the sidebar.
import type { KnownStudy } from '../../protocol/studyView';
import { foldedPath } from '../../system/samePath';

/** The part of a run that matters here. */
interface Placed {
  readonly folder: string;
}

/** The studies of an experiment file, in the given order. */
export function studiesOf(studies: readonly KnownStudy[], experimentFile: string): KnownStudy[] {
  const wanted = foldedPath(experimentFile);
  return studies.filter(
    (study) => study.kind === 'study' && foldedPath(study.facts.experimentFile) === wanted,
  );
}

/** Studies without a visible experiment file: the file is missing, or the study is damaged. */
export function otherStudies(studies: readonly KnownStudy[], shownFiles: readonly string[]): KnownStudy[] {
  const shown = new Set(shownFiles.map((file) => foldedPath(file)));
  return studies.filter(
    (study) => study.kind === 'damaged' || !shown.has(foldedPath(study.facts.experimentFile)),
  );
}

/** The existing runs of a study, in the order of its plan. */
export function runsOfStudy<Run extends Placed>(
  study: KnownStudy,
  find: (folder: string) => Run | undefined,
): Run[] {
  if (study.kind === 'damaged') return [];
  return study.facts.runs.flatMap(({ folder }) => (folder === null ? [] : (find(folder) ?? [])));
}

/** The runs that no study trained. A run that a study uses but that existed before is included. */
export function runsOutside<Run extends Placed>(runs: readonly Run[], studies: readonly KnownStudy[]): Run[] {
  const grouped = new Set(
    studies.flatMap((study) =>
      study.kind === 'study'
        ? study.facts.runs.flatMap(({ folder, isReused }) => (folder === null || isReused ? [] : [folder]))
        : [],
    ),
  );
  return runs.filter(({ folder }) => !grouped.has(folder));
}
