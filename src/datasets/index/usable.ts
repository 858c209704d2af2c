import * as l10n from '@vscode/l10n';
import { formatCount } from '../../shared/format';
import { UserError } from '../../shared/userError';
import type { DatasetIndex } from './datasetIndex';

/**
 * Refuses a data set that has errors, or images that cannot be read where these are not left out.
 *
 * @throws UserError
 */
export function assertUsable({ report }: Pick<DatasetIndex, 'report'>, onBadImage: 'fail' | 'skip'): void {
  const error = report.problems.find(({ severity }) => severity === 'error');
  if (error) throw new UserError({ what: error.what, remedy: error.remedy });
  const { unreadable } = report;
  const [first] = unreadable.images;
  if (!first || onBadImage === 'skip') return;
  throw new UserError({
    what:
      unreadable.count === 1
        ? l10n.t('{0} cannot be read. {1}', first.name, first.reason)
        : l10n.t(
            '{0} images cannot be read, such as {1}: {2}',
            formatCount(unreadable.count),
            first.name,
            first.reason,
          ),
    remedy: l10n.t(
      'Replace or delete them and index again ({0}), or leave them out by {1}.',
      'tricks data FILE',
      'data.on_bad_image: skip',
    ),
  });
}
