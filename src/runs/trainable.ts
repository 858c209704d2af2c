import { basename } from 'node:path';
import * as l10n from '@vscode/l10n';
import { trainedVersion } from '../recipe/anyRecipe';
import type { Failure } from '../shared/failure';
import { newerCheckpointReason } from './checkpoint';
import { readManifest } from './store';

/**
 * Says why this release must not touch a run: a newer release wrote its run.json, its recipe or a checkpoint. Call it
 * before the first write. Null otherwise, even if the run is broken in another way.
 */
export async function newerRunFailure(folder: string): Promise<Failure | null> {
  const reading = await readManifest(folder);
  const reason = reading.ok ? await newerCheckpointReason(folder) : reading.isNewer ? reading.reason : null;
  return reason === null ? null : newerFailure(basename(folder), reason);
}

/** Like `newerRunFailure`, and also says why a run of an older release cannot be trained. */
export async function untrainableFailure(folder: string): Promise<Failure | null> {
  const newer = await newerRunFailure(folder);
  if (newer) return newer;
  const reading = await readManifest(folder);
  if (!reading.ok || reading.manifest.recipe.version === trainedVersion(reading.manifest.recipe)) return null;
  return {
    what: l10n.t(
      'Its recipe has version {0}, but this release trains version {1}.',
      reading.manifest.recipe.version,
      trainedVersion(reading.manifest.recipe),
    ),
    remedy: l10n.t('Run its experiment again.'),
  };
}

/** The failure for a finished run. */
export function doneFailure(id: string): Failure {
  return { what: l10n.t('{0} is done.', id), remedy: l10n.t('Run its experiment again.') };
}

/** The failure for a run from a newer release, with the remedy. */
export function newerFailure(id: string, reason: string): Failure {
  return {
    what: l10n.t('The run {0} was left unchanged. {1}', id, reason),
    remedy: l10n.t('Update Bag of Tricks, then try again.'),
  };
}
