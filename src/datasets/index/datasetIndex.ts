import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import type { OwnDatasetRequest, SourceFacts } from '../../recipe/datasets';
import { formatCount } from '../../shared/format';
import { UserError } from '../../shared/userError';
import type { DataProblem } from '../listing';

/** The version of the index files. Indexes of other versions are not read. */
export const INDEX_VERSION = 1;

/** Images that are copies of one another, in pairs. Only the first few pairs are kept. */
export interface Copies {
  /** The number of images that are a copy of an earlier one. */
  readonly count: number;
  /** Each name in the form `split/name`. */
  readonly pairs: readonly (readonly [string, string])[];
}

/** The findings from a scan of every image, in addition to the facts that a recipe needs. */
export interface DataReport {
  /** Readable images per class, by label. Empty without a test split. */
  readonly validationCounts: readonly number[];
  readonly testCounts: readonly number[];
  /** The stored size of all images, in bytes. */
  readonly bytes: number;
  /** The number of fully decoded images. For the others, only header and content hash were read. */
  readonly decoded: number;
  /** The number of training images in the largest class, divided by that of the smallest nonempty class. */
  readonly imbalance: number;
  /** Images that cannot be read. Only the first few are listed, with reasons. */
  readonly unreadable: {
    readonly count: number;
    readonly images: readonly { readonly name: string; readonly reason: string }[];
  };
  /** Byte-identical copies within one split. */
  readonly copiesWithin: Copies;
  /** Validation or test images with a byte-identical copy in another split: leaks. */
  readonly copiesAcross: Copies;
  /** Copies with different labels. */
  readonly copiesMislabelled: Copies;
  /** Validation or test images that look like an image of another split, by perceptual hash. Excludes exact copies. */
  readonly nearCopiesAcross: Copies & {
    /** The number of images with a perceptual hash, which requires decoding. */
    readonly compared: number;
  };
  /** Everything the user should know, including the findings above. */
  readonly problems: readonly DataProblem[];
}

/** The file next to the index that holds the image table. */
export interface TableFile {
  readonly file: string;
  readonly bytes: number;
  /** Hash of the file's header, which in turn holds the hashes of everything else. */
  readonly sha256: string;
}

/** The result of one scan of a data set. */
export interface DatasetIndex {
  readonly version: typeof INDEX_VERSION;
  readonly request: OwnDatasetRequest;
  /** The base of the request's relative paths: the experiment file's folder. */
  readonly folder: string;
  /** The `imagesKey` of the request. Equal for indexes of the same images, however they are split. */
  readonly imagesKey: string;
  readonly facts: SourceFacts;
  readonly report: DataReport;
  /** In milliseconds since 1970. */
  readonly scannedAt: number;
  readonly table: TableFile;
}

const count = z.number().int().nonnegative();
const counts = z.array(count);
const quantiles = z.object({
  min: z.number(),
  p05: z.number(),
  median: z.number(),
  p95: z.number(),
  max: z.number(),
});
const copies = z.object({ count, pairs: z.array(z.tuple([z.string(), z.string()])) });
const problem = z.object({
  severity: z.enum(['error', 'warning']),
  kind: z.custom<DataProblem['kind']>((kind) => typeof kind === 'string'),
  count,
  where: z.array(z.string()),
  what: z.string(),
  remedy: z.string(),
});

export const tableFileSchema = z.object({
  // A plain file name, so an index cannot point outside its folder.
  file: z.string().regex(/^[\w-][\w.-]*$/),
  bytes: count,
  sha256: z.string(),
});

/** The part of an index file that is read. The reader already knows the request. */
export const indexSchema = z.object({
  version: z.literal(INDEX_VERSION),
  imagesKey: z.string(),
  facts: z.object({
    dataset: z.string(),
    trainImages: count,
    validationImages: count,
    testImages: count,
    classNames: z.array(z.string()),
    trainCounts: counts,
    channels: z.union([z.literal(1), z.literal(3)]),
    height: quantiles,
    width: quantiles,
    shortEdge: quantiles,
    mean: z.array(z.number()),
    std: z.array(z.number()),
    fingerprint: z.string(),
  }),
  report: z.object({
    validationCounts: counts,
    testCounts: counts,
    bytes: count,
    decoded: count,
    imbalance: z.number(),
    unreadable: z.object({ count, images: z.array(z.object({ name: z.string(), reason: z.string() })) }),
    copiesWithin: copies,
    copiesAcross: copies,
    copiesMislabelled: copies,
    nearCopiesAcross: copies.extend({ compared: count }),
    problems: z.array(problem),
  }),
  scannedAt: z.number(),
  table: tableFileSchema,
});

/**
 * Throws if a data set has errors, or if it has unreadable images and these are not skipped.
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
            '{0} images cannot be read. For example, {1}: {2}',
            formatCount(unreadable.count),
            first.name,
            first.reason,
          ),
    remedy: l10n.t(
      'Replace or delete them and index again ({0}), or skip them with {1}.',
      'tricks data FILE',
      'data.on_bad_image: skip',
    ),
  });
}
