/** The steps after a study: confirm the chosen set and keep it. */
import { realpath } from 'node:fs/promises';
import * as l10n from '@vscode/l10n';
import { settingText } from '../../insight/study/results/factorText';
import { keptReasons } from '../../insight/study/results/keepEdits';
import { UserError } from '../../shared/userError';
import { CONFIRMING_SEEDS, confirmationOf } from '../../studies/confirming';
import { keepChosen } from '../../studies/keeping';
import { createStudy, listStudies, type ReadableStudy } from '../../studies/store';
import { replaceFile } from '../../system/replaceFile';
import { readText } from '../input';
import { commandsAt } from '../output';
import { ensureOwnStudy } from '../ownRuns';
import { EXIT, type ExitCode, paint, type Terminal } from '../terminal';
import { type DriveOptions, drive } from './drive';
import { factsOf } from './looking';

/** Trains a study's chosen set and its baseline on fresh seeds. Continues a confirmation that was begun. */
export async function confirmStudy(
  terminal: Terminal,
  root: string,
  study: ReadableStudy,
  { seeds = CONFIRMING_SEEDS, ...options }: DriveOptions & { readonly seeds?: number },
): Promise<ExitCode> {
  const begun = (await listStudies(root)).find(
    (other) =>
      other.kind === 'study' &&
      other.record.confirms?.id === study.id &&
      other.record.state.status !== 'done',
  );
  if (begun?.kind === 'study') {
    terminal.note(l10n.t('Continuing with the confirmation {0}.', begun.id));
    return drive(terminal, root, begun, options);
  }
  // The confirmation trains runs of this study, so it must belong to this user.
  await ensureOwnStudy(terminal, study, options);
  const { analysis } = await factsOf(root, study);
  const record = confirmationOf(root, study.record, analysis ?? { chosen: null }, seeds);
  const [, chosen] = record.confirms?.arms ?? [];
  terminal.note(
    paint(
      'bold',
      l10n.t(
        'Confirming {0} against the baseline on {1} fresh seeds',
        settingText(study.record.factors, chosen ?? []),
        record.seeds.length,
      ),
    ),
  );
  terminal.note(
    record.metric.name === 'test_accuracy'
      ? l10n.t('Measured on the test images, which were not used to choose the set.')
      : l10n.t(
          'The data set has no test images. Measured on validation images, with seeds that were not used to choose the set.',
        ),
  );
  return drive(terminal, root, await createStudy(root, record), options);
}

/** Rewrites a study's experiment file to the chosen set, and reports what was kept and why. */
export async function keepStudy(terminal: Terminal, root: string, study: ReadableStudy): Promise<ExitCode> {
  const { record, id } = study;
  const facts = await factsOf(root, study);
  const file = facts.experimentFile;
  if (!facts.analysis) {
    throw new UserError({
      what: l10n.t('The study {0} has not chosen a set yet.', id),
      remedy: l10n.t('See its results: {0}', (await commandsAt(root))(`tricks study show ${id}`)),
    });
  }
  const keeping = keepChosen(root, record, facts.analysis, await readText(file));
  if (!keeping.ok) {
    terminal.fail(keeping.failure);
    return EXIT.failed;
  }
  for (const line of keptReasons(facts, keeping.setting)) terminal.print(line);
  if (keeping.edits.length === 0) {
    terminal.print(l10n.t('{0} already has this set.', file));
    return EXIT.done;
  }
  // Atomic. If the file is a symbolic link, replace its target.
  await replaceFile(await realpath(file), keeping.text);
  terminal.print(l10n.t('Changed {0}.', file));
  return EXIT.done;
}
