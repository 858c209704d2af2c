import * as l10n from '@vscode/l10n';
import type { Quantiles, SourceFacts } from '../recipe/datasets';
import { counted } from '../shared/counted';
import { formatBytes, formatCount, formatNumber } from '../shared/format';
import { markdownText } from '../shared/markdown';
import type { DataFinding } from './dataAdvice';

/** The facts that an index has about a data set, like `DatasetIndex`. */
export interface IndexedData {
  readonly facts: SourceFacts;
  readonly report: {
    readonly validationCounts: readonly number[];
    readonly testCounts: readonly number[];
    /** Total size of all images as stored. */
    readonly bytes: number;
    /** Number of images that were fully decoded. */
    readonly decoded: number;
    readonly imbalance: number;
    readonly unreadable: {
      readonly count: number;
      readonly images: readonly { readonly name: string; readonly reason: string }[];
    };
    readonly copiesWithin: CopiesFound;
    readonly copiesAcross: CopiesFound;
    readonly copiesMislabelled: CopiesFound;
    readonly nearCopiesAcross: CopiesFound;
    readonly problems: readonly DataFinding[];
  };
  /** Milliseconds since 1970. */
  readonly scannedAt: number;
}

interface CopiesFound {
  readonly count: number;
  readonly pairs: readonly (readonly [string, string])[];
}

/** Maximum number of classes to list. */
const LISTED_CLASSES = 200;

/** Summarizes an index in one line, such as '1,000 images in 2 classes; 3 more cannot be read.'. */
export function indexSummary({ facts, report }: IndexedData): string {
  const all = counted(facts.trainImages + facts.validationImages + facts.testImages, 'image');
  const classes = counted(facts.classNames.length, 'class');
  const { count } = report.unreadable;
  return count === 0
    ? l10n.t('{0} in {1}.', all, classes)
    : l10n.t('{0} in {1}; {2} more cannot be read.', all, classes, formatCount(count));
}

/**
 * Reports the contents of an index in Markdown.
 *
 * @param places the files and folders of the images
 * @param testLooks how often runs were evaluated on its test images
 */
export function dataReport(
  title: string,
  places: readonly string[],
  index: IndexedData,
  testLooks: number,
): string {
  const { facts, report, scannedAt } = index;
  return [
    `# ${markdownText(title)}`,
    ...(places.length > 0 ? [`_${markdownText(places.join(', '))}_`] : []),
    indexSummary(index),
    ...report.problems.map(problemText),
    `## ${l10n.t('Images')}`,
    table([l10n.t('Fact'), l10n.t('Value')], factRows(index, testLooks)),
    `## ${l10n.t('Classes')}`,
    ...classesText(facts, report),
    ...unreadableText(report.unreadable),
    ...copiesText(l10n.t('Copies in another split'), report.copiesAcross),
    ...copiesText(l10n.t('Images that look like one in another split'), report.nearCopiesAcross),
    ...copiesText(l10n.t('Copies in another class'), report.copiesMislabelled),
    ...copiesText(l10n.t('Copies in the same split'), report.copiesWithin),
    `_${l10n.t('Indexed {0}.', new Date(scannedAt).toLocaleString())}_`,
    '',
  ].join('\n\n');
}

function problemText({ severity, what, remedy }: DataFinding): string {
  const name = severity === 'error' ? l10n.t('Error') : l10n.t('Warning');
  return `> **${name}:** ${markdownText(what)} ${markdownText(remedy)}`;
}

function factRows({ facts, report }: IndexedData, testLooks: number): string[][] {
  const all = facts.trainImages + facts.validationImages + facts.testImages;
  return [
    [l10n.t('Training images'), formatCount(facts.trainImages)],
    [l10n.t('Validation images'), formatCount(facts.validationImages)],
    ...(facts.testImages > 0
      ? [
          [
            l10n.t('Test images'),
            l10n.t('{0}; evaluated {1}', formatCount(facts.testImages), counted(testLooks, 'time')),
          ],
        ]
      : []),
    [l10n.t('Size on disk'), formatBytes(report.bytes)],
    [
      l10n.t('Imbalance'),
      l10n.t(
        'the largest class has {0} times the training images of the smallest',
        formatNumber(report.imbalance, 3),
      ),
    ],
    [l10n.t('Width'), quantilesText(facts.width)],
    [l10n.t('Height'), quantilesText(facts.height)],
    [l10n.t('Short edge'), quantilesText(facts.shortEdge)],
    [l10n.t('Channels'), facts.channels === 1 ? l10n.t('1 (gray)') : '3'],
    [l10n.t('Mean'), numbersText(facts.mean)],
    [l10n.t('Std'), numbersText(facts.std)],
    ...(report.decoded < all
      ? [[l10n.t('Decoded'), l10n.t('{0} of {1} images', formatCount(report.decoded), formatCount(all))]]
      : []),
    [l10n.t('Fingerprint'), `\`${facts.fingerprint}\``],
  ];
}

/** Lists the classes with their images per split, the largest class first. */
function classesText(facts: SourceFacts, report: IndexedData['report']): string[] {
  const hasTest = facts.testImages > 0;
  const counts = facts.classNames.map((name, label) => ({
    name,
    train: facts.trainCounts[label] ?? 0,
    validation: report.validationCounts[label] ?? 0,
    test: report.testCounts[label] ?? 0,
  }));
  const rows = counts
    .toSorted((a, b) => b.train - a.train)
    .slice(0, LISTED_CLASSES)
    .map(({ name, train, validation, test }) => [
      markdownText(name),
      formatCount(train),
      formatCount(validation),
      ...(hasTest ? [formatCount(test)] : []),
    ]);
  const titles = [l10n.t('Class'), l10n.t('Training'), l10n.t('Validation')];
  const left = counts.length - rows.length;
  return [
    table([...titles, ...(hasTest ? [l10n.t('Test')] : [])], rows, [1, 2, 3]),
    ...(left > 0 ? [l10n.t('And {0} more classes.', formatCount(left))] : []),
  ];
}

function unreadableText({ count, images }: IndexedData['report']['unreadable']): string[] {
  if (count === 0) return [];
  return [
    `## ${l10n.t('Unreadable images ({0})', formatCount(count))}`,
    table(
      [l10n.t('Image'), l10n.t('Reason')],
      images.map(({ name, reason }) => [markdownText(name), markdownText(reason)]),
    ),
    ...moreText(count - images.length),
  ];
}

function copiesText(title: string, { count, pairs }: CopiesFound): string[] {
  if (count === 0) return [];
  return [
    `## ${l10n.t('{0} ({1})', title, formatCount(count))}`,
    table(
      [l10n.t('Image'), l10n.t('Matches')],
      pairs.map(([original, copy]) => [markdownText(copy), markdownText(original)]),
    ),
    ...moreText(count - pairs.length),
  ];
}

function moreText(left: number): string[] {
  return left > 0 ? [l10n.t('And {0} more.', formatCount(left))] : [];
}

function quantilesText({ min, p05, median, p95, max }: Quantiles): string {
  if (min === max) return l10n.t('{0} pixels', formatCount(min));
  const [least, low, middle, high, most] = [min, p05, median, p95, max].map((value) =>
    formatCount(Math.round(value)),
  );
  return l10n.t(
    '{0} pixels (median); 5% below {1}, 95% below {2}; from {3} to {4}',
    middle!,
    low!,
    high!,
    least!,
    most!,
  );
}

function numbersText(values: readonly number[]): string {
  return values.map((value) => value.toFixed(4)).join(', ');
}

function table(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
  rightAligned: readonly number[] = [],
): string {
  const rule = titles.map((_, column) => (rightAligned.includes(column) ? '--:' : '---'));
  return [titles, rule, ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}
