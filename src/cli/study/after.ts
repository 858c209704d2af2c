/** What comes after a study: to confirm what it chose, and to keep it. */
import { realpath } from 'node:fs/promises';
import * as l10n from '@vscode/l10n';
import type { StudyAnalysis } from '../../protocol/study';
import { CONFIRMING_SEEDS, confirmationOf } from '../../studies/confirming';
import { keepChosen } from '../../studies/keeping';
import type { StudyRecord } from '../../studies/record';
import { createStudy, listStudies } from '../../studies/store';
import { replaceFile } from '../../system/replaceFile';
import { readText } from '../input';
import { ensureOwnStudy } from '../ownRuns';
import { EXIT, type ExitCode, paint, type Terminal } from '../terminal';
import { type DriveOptions, drive } from './drive';
import { analysed, readableStudy } from './looking';
import { estimateText, levelName, settingText, verdictText } from './words';

/** Trains the chosen set of a study and its baseline on fresh seeds; a confirmation that was begun goes on. */
export async function confirmStudy(
  terminal: Terminal,
  root: string,
  reference: string,
  { seeds = CONFIRMING_SEEDS, ...options }: DriveOptions & { readonly seeds?: number },
): Promise<ExitCode> {
  const study = await readableStudy(root, reference);
  const begun = (await listStudies(root)).find(
    (other) =>
      other.kind === 'study' &&
      other.record.confirms?.id === study.id &&
      other.record.state.status !== 'done',
  );
  if (begun?.kind === 'study') {
    terminal.note(l10n.t('Going on with the confirmation {0}.', begun.id));
    return drive(terminal, root, begun, options);
  }
  // What it chose is trained as a study of this user's.
  await ensureOwnStudy(terminal, study, options);
  const { analysis } = await analysed(root, study);
  const record = confirmationOf(root, study.record, analysis, seeds);
  const [, chosen] = record.confirms?.arms ?? [];
  terminal.note(
    paint(
      'bold',
      l10n.t(
        'Confirming {0} against the baseline on {1} fresh seeds',
        settingText(study.record, chosen ?? []),
        record.seeds.length,
      ),
    ),
  );
  terminal.note(
    record.metric.name === 'test_accuracy'
      ? l10n.t('Measured on the test images, which chose nothing.')
      : l10n.t(
          'The data set has no test images: measured on validation images, with seeds that chose nothing.',
        ),
  );
  return drive(terminal, root, await createStudy(root, record), options);
}

/** Rewrites the experiment file of a study to its chosen set, and says what was kept and why. */
export async function keepStudy(terminal: Terminal, root: string, reference: string): Promise<ExitCode> {
  const { record, id } = await readableStudy(root, reference);
  const { file } = record.experiment;
  const { analysis } = await analysed(root, { kind: 'study', id, folder: '', record, isInterrupted: false });
  const text = await readText(file);
  const keeping = keepChosen(root, record, analysis, text);
  if (!keeping.ok) {
    terminal.fail(keeping.failure);
    return EXIT.failed;
  }
  for (const line of reasons(record, analysis, keeping.setting)) terminal.print(line);
  if (keeping.edits.length === 0) {
    terminal.print(l10n.t('{0} has this set already.', file));
    return EXIT.done;
  }
  // Whole or not at all; of a link, what it leads to.
  await replaceFile(await realpath(file), keeping.text);
  terminal.print(l10n.t('Changed {0}.', file));
  return EXIT.done;
}

/** Of each factor what was kept, and by which effect. */
function reasons(record: StudyRecord, { effects }: StudyAnalysis, setting: readonly number[]): string[] {
  return record.factors.map(({ key }, factor) => {
    const level = setting[factor] ?? 0;
    const about = effects.filter((effect) => effect.factor === factor);
    const why = about
      .map((effect) => {
        const shown = effect.estimates?.onNewImages ?? effect.estimates?.onTheseImages;
        const name = about.length > 1 ? `${levelName(record, factor, effect.level)}: ` : '';
        return `${name}${shown ? `${estimateText(shown)}, ` : ''}${verdictText(effect)}`;
      })
      .join('; ');
    return level === 0
      ? l10n.t('Left out {0}: {1}', key, why)
      : l10n.t('Kept {0}: {1}', levelName(record, factor, level), why);
  });
}
