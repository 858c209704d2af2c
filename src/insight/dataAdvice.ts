import * as l10n from '@vscode/l10n';
import type { ParseResult } from '../experiment/parse';
import type { Range } from '../experiment/problem';
import type { ExperimentDocument } from '../experiment/text/document';
import type { SourceFacts } from '../recipe/datasets';
import { formatCount, formatNumber } from '../shared/format';
import type { Path } from '../shared/path';
import { valueAt } from '../shared/values';
import type { QuickFix } from './quickFixes';

/** A problem that an index found with images, like `DataProblem`. */
export interface DataFinding {
  readonly severity: 'error' | 'warning';
  readonly kind: string;
  /** The first few places with the problem. */
  readonly where: readonly string[];
  readonly what: string;
  readonly remedy: string;
}

/** Advice on an experiment's images, with edits that follow it. */
export interface DataAdvice {
  /** An error keeps the images from being used, a warning is about misleading images, a hint about better values. */
  readonly severity: 'error' | 'warning' | 'hint';
  readonly range: Range;
  readonly what: string;
  readonly remedy: string;
  readonly fixes: readonly QuickFix[];
}

/**
 * Ratio of the training images of the largest class to those of the smallest at which classes are balanced. Below it, the
 * margins of a class matter more than its share of the images.
 */
export const IMBALANCE = 3;
/** Tolerance for the mean and deviation of pixels in 0..1. Closer values are as good. */
const PIXEL_TOLERANCE = 0.02;

type Sound = Extract<ParseResult, { ok: true }>;

/** Returns the advice from an index for a trainable experiment, in the file's order. Empty without an index. */
export function dataAdvice(parsed: ParseResult, findings: readonly DataFinding[]): DataAdvice[] {
  const facts = parsed.ok ? parsed.experiment.facts : undefined;
  if (!parsed.ok || !facts) return [];
  return [
    ...findings.flatMap((finding) => findingAdvice(parsed, finding)),
    ...normalizationAdvice(parsed, facts),
    ...imbalanceAdvice(parsed, facts),
    ...sizeAdvice(parsed, facts),
  ].toSorted((a, b) => a.range.start.offset - b.range.start.offset);
}

/** Returns the path of the key that names the images. */
export function imagesPath(document: ExperimentDocument): Path {
  const keys = ['path', 'train', 'dataset'];
  const written = keys.find((key) => valueAt(document.value, ['data', key]) !== undefined);
  return written === undefined ? ['data'] : ['data', written];
}

function findingAdvice({ document, recipe }: Sound, finding: DataFinding): DataAdvice[] {
  const isUnreadable = finding.kind === 'unreadable';
  // They are skipped, as requested.
  if (isUnreadable && recipe.data.images?.onBadImage === 'skip') return [];
  const [first] = finding.where;
  const range = document.rangeOf(imagesPath(document));
  const skip = fixFor(range, l10n.t('Skip unreadable images'), true, () =>
    document.setIn(['data', 'on_bad_image'], 'skip'),
  );
  return [
    {
      severity: finding.severity,
      range,
      what: first === undefined ? finding.what : l10n.t('{0} For example: {1}.', finding.what, first),
      remedy: finding.remedy,
      fixes: isUnreadable ? [skip] : [],
    },
  ];
}

/**
 * Reports a mean or deviation in the file that differs from that of the images. Skipped with published weights, which
 * have their own.
 */
function normalizationAdvice({ document, experiment, recipe }: Sound, facts: SourceFacts): DataAdvice[] {
  if (experiment.init !== undefined) return [];
  const written = (['mean', 'std'] as const).filter(
    (key) => valueAt(document.value, ['data', key]) !== undefined,
  );
  const { channels } = recipe.data.dataset;
  const off = written.filter((key) =>
    recipe.data.dataset[key].some((value, channel) => {
      const own = channels === facts.channels ? facts[key][channel]! : average(facts[key]);
      return Math.abs(value - own) > PIXEL_TOLERANCE;
    }),
  );
  const [first] = off;
  if (first === undefined) return [];
  const range = document.rangeOf(['data', first]);
  const own = facts[first].map((value) => formatNumber(value, 3)).join(', ');
  return [
    {
      severity: 'hint',
      range,
      what: l10n.t('{0} does not match the training images ({1}).', `data.${first}`, own),
      remedy: l10n.t('Remove {0} to use the values of the images.', written.join(', ')),
      fixes: [
        fixFor(range, l10n.t('Use the mean and std of the images'), true, () =>
          document.inSequence(
            written.map((key) => (current: ExperimentDocument) => current.removeIn(['data', key])),
          ),
        ),
      ],
    },
  ];
}

function imbalanceAdvice(
  { document, experiment, recipe }: Sound,
  { trainCounts }: SourceFacts,
): DataAdvice[] {
  if (recipe.data.sampling === 'balanced' || experiment.loss.class_weights === 'balanced') return [];
  const counts = trainCounts.filter((count) => count > 0);
  const ratio = Math.max(...counts) / Math.min(...counts);
  if (!(ratio >= IMBALANCE)) return [];
  const range = document.rangeOf(imagesPath(document));
  return [
    {
      severity: 'hint',
      range,
      what: l10n.t(
        'The largest class has {0} times the training images of the smallest.',
        formatNumber(Math.round(ratio * 10) / 10),
      ),
      remedy: l10n.t(
        'Sample rare classes as often as others ({0}), or give their images more weight in the loss ({1}).',
        'data.sampling: balanced',
        'loss.class_weights: balanced',
      ),
      fixes: [
        fixFor(range, l10n.t('Sample all classes equally often'), false, () =>
          document.setIn(['data', 'sampling'], 'balanced'),
        ),
        fixFor(range, l10n.t('Weight classes in the loss'), false, () =>
          document.setIn(['loss', 'class_weights'], 'balanced', { after: 'model' }),
        ),
      ],
    },
  ];
}

/**
 * Reports an image size above the size of the images: enlarging them costs time and adds no detail. Skipped with
 * published weights, which are made for a size.
 */
function sizeAdvice({ document, experiment, recipe }: Sound, { shortEdge }: SourceFacts): DataAdvice[] {
  const size = recipe.data.images?.size ?? recipe.data.dataset.width;
  if (experiment.init !== undefined || size <= shortEdge.median) return [];
  const fitting = fittingSize(shortEdge.median);
  if (fitting >= size) return [];
  const isModels = experiment.data.dataset !== 'synthetic' && experiment.model.input_size !== undefined;
  const path = isModels ? ['model', 'input_size'] : ['data', 'image_size'];
  const range = document.rangeOf(path);
  return [
    {
      severity: 'hint',
      range,
      what: l10n.t(
        'Images are enlarged to {0} pixels: half of them have a short edge below {1}.',
        formatCount(size),
        formatCount(Math.ceil(shortEdge.median)),
      ),
      remedy: l10n.t('A smaller image_size, such as {0}, is faster and loses no detail.', fitting),
      fixes: [
        fixFor(range, l10n.t('Set {0} to {1}', path.join('.'), fitting), false, () =>
          document.setIn(path, fitting),
        ),
      ],
    },
  ];
}

/** Returns the largest size that networks divide well and that half of the images have. */
function fittingSize(median: number): number {
  const step = median >= 64 ? 32 : 4;
  return Math.max(16, Math.floor(median / step) * step);
}

function fixFor(range: Range, title: string, isPreferred: boolean, edits: QuickFix['edits']): QuickFix {
  return { title, range, isPreferred, edits };
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
