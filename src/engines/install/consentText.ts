import { basename } from 'node:path';
import * as l10n from '@vscode/l10n';
import type { Source } from '../../protocol/install';
import { downloadBytes, type Prebuilt, type Wheel } from './pins';

/**
 * Describes what an installation would download and how it is verified, for the consent dialog. One paragraph per
 * element.
 */
export function consentText(
  wheel: Wheel,
  prebuilt: Prebuilt | null,
  first: Source | undefined,
  folder: string,
): string[] {
  return [
    l10n.t(
      'This downloads {0} MB: TensorFlow {1} (Apache License 2.0){2} from PyPI, and the sources of @tensorflow/tfjs-node from npm. The C++ compiler on this machine compiles the sources.',
      (downloadBytes(wheel) / 1e6).toFixed(0),
      wheel.version,
      wheel.cuda ? l10n.t(' and the CUDA libraries (NVIDIA license)') : '',
    ),
    l10n.t(
      'Every file is checked against the SHA-256 or SHA-512 that Bag of Tricks has for it. The engine is installed in {0} and can be removed again.',
      folder,
    ),
    ...(prebuilt ? [prebuiltText(prebuilt, first)] : []),
  ];
}

/** Describes what else the button allows. */
function prebuiltText({ version, addon }: Prebuilt, first: Source | undefined): string {
  const file = basename(addon.path);
  return first === 'prebuilt'
    ? l10n.t(
        '"Allow unverified" first tries the prebuilt TensorFlow {0} and its addon from Google\'s storage. There is no published hash of the addon {1}, so its contents cannot be verified.',
        version,
        file,
      )
    : l10n.t(
        '"Allow unverified" falls back to the prebuilt TensorFlow {0} and its addon from Google\'s storage if the download or the compilation fails. There is no published hash of the addon {1}, so its contents cannot be verified.',
        version,
        file,
      );
}
