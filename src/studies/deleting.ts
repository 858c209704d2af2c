import { rm } from 'node:fs/promises';
import { basename } from 'node:path';
import * as l10n from '@vscode/l10n';
import { awaitVerdict } from '../runs/lease/verdict';
import type { Failure } from '../shared/failure';
import { failureOf } from '../system/errors';
import { studyFolder } from './store';

/**
 * Deletes a study's own folder for good; its runs stay.
 *
 * @returns why it was not, such as that a process runs it; null where it is gone
 */
export async function deleteStudy(root: string, id: string): Promise<Failure | null> {
  if (id !== basename(id) || id === '' || id === '.' || id === '..') {
    throw new Error(`Not a study's id: ${id}`);
  }
  const folder = studyFolder(root, id);
  if ((await awaitVerdict(folder)) === 'held') {
    return {
      what: l10n.t('The study {0} is running.', id),
      remedy: l10n.t('Stop it, then delete it.'),
    };
  }
  try {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    return null;
  } catch (error) {
    return failureOf(error);
  }
}
