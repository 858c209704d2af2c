/** What is particular to a run that a command trains. */
import { dirname, resolve } from 'node:path';
import * as l10n from '@vscode/l10n';
import type { Manifest } from '../protocol/manifest';
import { FILES_OUTSIDE } from '../protocol/trainer';
import { type AnyRecipe, isCommandRecipe } from '../recipe/anyRecipe';
import type { CommandRecipe } from '../recipe/commandRecipe';
import type { Failure } from '../shared/failure';
import { UserError } from '../shared/userError';
import { isAllowed, quoted } from '../system/allowedFolders';
import { realPathOf } from '../system/insideFolder';

/** The manifest of a run that a command trains. */
export type CommandManifest = Manifest & { readonly recipe: CommandRecipe };

export function isCommandManifest(manifest: Manifest): manifest is CommandManifest {
  return isCommandRecipe(manifest.recipe);
}

/** The folders that a command's paths depend on. */
export interface CommandPlaces {
  /** The folder that contains .bag-of-tricks. */
  readonly root: string;
  /** The folder of the experiment file. */
  readonly folder: string;
}

/** Returns the absolute path of a command's working directory. */
export function workingDirectoryOf({ workingDirectory }: CommandRecipe, { folder }: CommandPlaces): string {
  return resolve(folder, workingDirectory);
}

/** Returns the places that a run's command depends on. */
export function placesOfRun(runFolder: string, { experiment }: Pick<Manifest, 'experiment'>): CommandPlaces {
  // The run is in ROOT/.bag-of-tricks/runs.
  const root = resolve(runFolder, '..', '..', '..');
  return { root, folder: resolve(root, dirname(experiment.file)) };
}

/**
 * Returns a command's working directory if it needs consent, like a folder of data: it is outside the folder that holds
 * the runs, and the user has not allowed it. Links are resolved. Null if it needs none.
 */
export async function workingDirectoryToAllow(
  recipe: CommandRecipe,
  places: CommandPlaces,
): Promise<string | null> {
  const folder = workingDirectoryOf(recipe, places);
  return (await isAllowed(folder, places.root)) ? null : realPathOf(folder);
}

/**
 * Asserts that a command may run in its working directory.
 *
 * @throws UserError if that needs consent
 */
export async function assertWorkingDirectoryAllowed(
  recipe: CommandRecipe,
  places: CommandPlaces,
): Promise<void> {
  const folder = process.env[FILES_OUTSIDE] ? null : await workingDirectoryToAllow(recipe, places);
  if (folder === null) return;
  throw new UserError({
    what: l10n.t('The working directory of the command is outside {0}: {1}.', places.root, folder),
    remedy: l10n.t('Allow the folder: {0}', `tricks allow ${quoted(folder)}`),
  });
}

/**
 * Says why a run cannot be paused: its command cannot resume, so pausing would lose its progress. Null if it can, as all
 * runs of our own networks can.
 */
export function pauseRefusal({ recipe }: Pick<Manifest, 'recipe'>): Failure | null {
  if (canResume(recipe)) return null;
  return {
    what: l10n.t('The run was not paused, because its command cannot resume and would start over.'),
    remedy: l10n.t(
      'Add {0} and {1} to the experiment file, or stop the run.',
      'trainer.checkpoint',
      'trainer.resume',
    ),
  };
}

/** Whether an unfinished run goes on from its checkpoint. Otherwise it starts over. */
export function canResume(recipe: AnyRecipe): boolean {
  return !isCommandRecipe(recipe) || recipe.resume !== null;
}
