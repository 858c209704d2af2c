import * as l10n from '@vscode/l10n';
import type { InstallProgress } from '../../protocol/install';
import { assertNever } from '../../shared/assertNever';

/** Describes the current step of an installation. */
export function progressText(progress: InstallProgress): string {
  switch (progress.stage) {
    case 'download':
      return l10n.t('Downloading {0} ({1})', progress.file, sizeText(progress.totalBytes));
    case 'wait':
      return l10n.t('Checking whether another installation is still running');
    case 'unpack':
      return l10n.t('Unpacking');
    case 'compile':
      return l10n.t('Compiling the addon');
    case 'check':
      return l10n.t('Checking that it works');
    case 'instead':
      return progress.source === 'wheel'
        ? l10n.t("{0} Building it from TensorFlow's wheel instead", progress.why)
        : l10n.t('{0} Using the prebuilt addon instead', progress.why);
    default:
      return assertNever(progress);
  }
}

/** Formats a size in powers of ten, like package indexes. */
function sizeText(bytes: number): string {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
