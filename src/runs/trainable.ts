import { basename } from 'node:path';
import * as l10n from '@vscode/l10n';
import { RECIPE_VERSION } from '../recipe/recipe';
import type { Failure } from '../shared/failure';
import { newerCheckpointReason } from './checkpoint';
import { readManifest } from './store';

/**
 * Why a run is left untouched by this release: a newer one wrote its run.json, its recipe or a checkpoint. To be asked before
 * the first write. Null where none did, also for a run that is broken otherwise.
 */
export async function newerRunFailure(folder: string): Promise<Failure | null> {
  const reading = await readManifest(folder);
  const reason = reading.ok ? await newerCheckpointReason(folder) : reading.isNewer ? reading.reason : null;
  return reason === null ? null : newerFailure(basename(folder), reason);
}

/** As `newerRunFailure`, and why a run of an older release cannot be trained. */
export async function untrainableFailure(folder: string): Promise<Failure | null> {
  const newer = await newerRunFailure(folder);
  if (newer) return newer;
  const reading = await readManifest(folder);
  if (!reading.ok || reading.manifest.recipe.version === RECIPE_VERSION) return null;
  return {
    what: l10n.t(
      'Its recipe has version {0}; this release trains version {1}.',
      reading.manifest.recipe.version,
      RECIPE_VERSION,
    ),
    remedy: l10n.t('Run its experiment again.'),
  };
}

/** A run whose training is over. */
export function doneFailure(id: string): Failure {
  return { what: l10n.t('{0} is done.', id), remedy: l10n.t('Run its experiment again.') };
}

/** A run that a newer release wrote, with what to do. */
export function newerFailure(id: string, reason: string): Failure {
  return {
    what: l10n.t('The run {0} was left as it is. {1}', id, reason),
    remedy: l10n.t('Update Bag of Tricks, then try again.'),
  };
}
