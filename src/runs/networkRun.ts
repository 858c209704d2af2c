import * as l10n from '@vscode/l10n';
import { isNetworkManifest, type Manifest, type NetworkManifest } from '../protocol/manifest';
import { UserError } from '../shared/userError';

/** A run that trains a network of ours, not a command. */
export type NetworkRun<Run> = Run & { readonly manifest: NetworkManifest };

/** @throws UserError if a command trained the run, so that its network is not known here */
export function networkRun<Run extends { readonly id: string; readonly manifest: Manifest }>(
  run: Run,
): NetworkRun<Run> {
  if (hasNetwork(run)) return run;
  throw new UserError({
    what: l10n.t('{0} was trained by a command, so its network is not known here.', run.id),
    remedy: l10n.t('Use the program that trained it.'),
  });
}

function hasNetwork<Run extends { readonly manifest: Manifest }>(run: Run): run is NetworkRun<Run> {
  return isNetworkManifest(run.manifest);
}
