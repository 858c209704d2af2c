import * as l10n from '@vscode/l10n';
import { parseDocument } from '../experiment/text/document';
import { applyEdits, type TextEdit } from '../experiment/text/textEdits';
import type { StudyAnalysis, StudySetting } from '../protocol/study';
import type { Failure } from '../shared/failure';
import { editFor, readLike } from '../study/file/settings';
import { readSource } from './planning';
import type { StudyRecord } from './record';

/** The result of writing a study's chosen set to the experiment file. */
export type Keeping =
  | {
      readonly ok: true;
      /** At most one edit, from the current text to the text with the set. Empty if the file already has it. */
      readonly edits: readonly TextEdit[];
      readonly text: string;
      /** The set: one level per factor. */
      readonly setting: StudySetting;
    }
  | { readonly ok: false; readonly failure: Failure };

/**
 * 'Keep what helps': rewrites an experiment to the best predicted set of a study that is allowed. Everything except the
 * factors stays, even if the user changed the file since the study began.
 *
 * @param text the experiment file's current text
 */
export function keepChosen(
  root: string,
  record: StudyRecord,
  { chosen, withheld }: StudyAnalysis,
  text: string,
): Keeping {
  const refuse = (what: string, remedy: string): Keeping => ({ ok: false, failure: { what, remedy } });
  const remedy = l10n.t('See why, and what to do next: {0}', `tricks study show ${record.id}`);
  if (record.confirms) {
    return refuse(
      l10n.t('The study {0} confirms another study and has nothing to keep.', record.id),
      l10n.t('Keep what that study chose: {0}', `tricks study keep ${record.confirms.id}`),
    );
  }
  if (withheld) {
    return refuse(
      l10n.t('The study {0} has nothing to keep yet: its verdicts are withheld.', record.id),
      remedy,
    );
  }
  if (!chosen) return refuse(l10n.t('The study {0} has not chosen a set yet.', record.id), remedy);
  const source = readSource(root, { ...record.study, experiment: record.experiment });
  if (!source.ok) return refuse(l10n.t('The study {0} can no longer be read.', record.id), remedy);
  const { settings, baseline } = source;
  const experiment = settings.experimentAt(chosen.setting, baseline.recipe.seed);
  if (!experiment.ok) {
    const [problem] = experiment.problems;
    return refuse(problem?.what ?? l10n.t('The chosen set cannot be trained.'), problem?.remedy ?? remedy);
  }
  const changes = experiment.changes.filter(({ path }) => path[0] !== 'seed');
  const document = parseDocument(text, record.experiment.file);
  const edit = document.inSequence(changes.map((change) => (current) => editFor(current, change)));
  if (!edit.ok) return refuse(edit.reason, l10n.t('Edit the file by hand.'));
  const kept = applyEdits(text, edit.edits);
  const read = readLike(baseline, parseDocument(kept, record.experiment.file));
  if (!read.ok) {
    const [problem] = read.problems;
    return refuse(
      l10n.t('With the chosen set, {0} cannot be trained: {1}', record.experiment.file, problem?.what ?? ''),
      problem?.remedy ?? l10n.t('Undo the changes made to the file since the study began.'),
    );
  }
  return { ok: true, edits: edit.edits, text: kept, setting: chosen.setting };
}
