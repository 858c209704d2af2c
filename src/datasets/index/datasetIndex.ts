import * as l10n from '@vscode/l10n';
import { z } from 'zod';
import type { OwnDatasetRequest, SourceFacts } from '../../recipe/datasets';
import { formatCount } from '../../shared/format';
import { UserError } from '../../shared/userError';
import type { DataProblem } from '../listing';

/** Of an index's files; one of another version is not read. */
export const INDEX_VERSION = 1;

/** Images that are copies of one another, by pairs; of many the first few. */
export interface Copies {
  /** Images that are a copy of one before them. */
  readonly count: number;
  /** Each as `split/name`. */
  readonly pairs: readonly (readonly [string, string])[];
}

/** What a look at every image found, beside the facts that a recipe needs. */
export interface DataReport {
  /** Readable images of each class, by label; empty without a test split. */
  readonly validationCounts: readonly number[];
  readonly testCounts: readonly number[];
  /** Bytes of all images, as they are stored. */
  readonly bytes: number;
  /** How many images were decoded whole; of the others, header and content hash were read. */
  readonly decoded: number;
  /** Training images of the largest class over those of the smallest that has any. */
  readonly imbalance: number;
  /** Images that cannot be read; of many, the first few with their reasons. */
  readonly unreadable: {
    readonly count: number;
    readonly images: readonly { readonly name: string; readonly reason: string }[];
  };
  /** Copies, byte by byte, in one split. */
  readonly copiesWithin: Copies;
  /** Images of validation or test that are in another split too, byte by byte: leaks. */
  readonly copiesAcross: Copies;
  /** Copies under two labels. */
  readonly copiesMislabelled: Copies;
  /** Images of validation or test that look like one of another split, by a perceptual hash; copies left out. */
  readonly nearCopiesAcross: Copies & {
    /** Images that have a perceptual hash: those that were decoded. */
    readonly compared: number;
  };
  /** Whatever a person should know of, the findings above included. */
  readonly problems: readonly DataProblem[];
}

/** The file that holds a table of the images, beside the index. */
export interface TableFile {
  readonly file: string;
  readonly bytes: number;
  /** Of its header, which has those of all else. */
  readonly sha256: string;
}

/** What one scan found out about a data set. */
export interface DatasetIndex {
  readonly version: typeof INDEX_VERSION;
  readonly request: OwnDatasetRequest;
  /** What the request's relative paths start from: the experiment file's folder. */
  readonly folder: string;
  /** `imagesKey` of the request: equal for indexes of the same images, however they are split. */
  readonly imagesKey: string;
  readonly facts: SourceFacts;
  readonly report: DataReport;
  /** Milliseconds since 1970. */
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
  // A name, so that no index leads out of its folder.
  file: z.string().regex(/^[\w-][\w.-]*$/),
  bytes: count,
  sha256: z.string(),
});

/** What is read of an index's file; the request is known to whoever reads it. */
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
