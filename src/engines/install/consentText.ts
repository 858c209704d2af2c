import { basename } from 'node:path';
import * as l10n from '@vscode/l10n';
import type { Source } from '../../protocol/install';
import { downloadBytes, type Prebuilt, type Wheel } from './pins';

/** What an installation would download and how it is checked, for the person who is asked; a paragraph each. */
export function consentText(
  wheel: Wheel,
  prebuilt: Prebuilt | null,
  first: Source | undefined,
  folder: string,
): string[] {
  return [
    l10n.t(
      'This downloads {0} MB: TensorFlow {1} (Apache License 2.0){2} from PyPI and the sources of @tensorflow/tfjs-node from npm, which are compiled with the C++ compiler of this machine.',
      (downloadBytes(wheel) / 1e6).toFixed(0),
      wheel.version,
      wheel.cuda ? l10n.t(" and CUDA's libraries (NVIDIA's license)") : '',
    ),
    l10n.t(
      'Every file is checked by the SHA-256 or SHA-512 that Bag of Tricks has of it. It goes to {0} and can be removed again.',
      folder,
    ),
    ...(prebuilt ? [prebuiltText(prebuilt, first)] : []),
  ];
}

/** What else is allowed by the button for it. */
function prebuiltText({ version, addon }: Prebuilt, first: Source | undefined): string {
  const file = basename(addon.path);
  return first === 'prebuilt'
    ? l10n.t(
        '"Allow unverified" tries what is compiled already before that: TensorFlow {0} and its addon from Google\'s storage. Nobody has published a hash of the addon {1}, so what it holds cannot be verified.',
        version,
        file,
      )
    : l10n.t(
        '"Allow unverified" takes what is compiled already where that cannot be had or compiled: TensorFlow {0} and its addon from Google\'s storage. Nobody has published a hash of the addon {1}, so what it holds cannot be verified.',
        version,
        file,
      );
}
