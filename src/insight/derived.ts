import { isDeepStrictEqual } from 'node:util';
import * as l10n from '@vscode/l10n';
import { translate, writtenTrick } from '../experiment/aliases';
import type { ParseResult } from '../experiment/parse';
import type { Position } from '../experiment/problem';
import { chosenTricks, plainDraft, withTricks } from '../experiment/resolve';
import type { Experiment } from '../experiment/schema';
import type { ExperimentDocument } from '../experiment/text/document';
import { isSoundOtherwise, withOtherImages } from '../experiment/unindexed';
import type { SourceFacts } from '../recipe/datasets';
import { effectiveBatchOf, finalize } from '../recipe/draft';
import { counted } from '../shared/counted';
import { formatCount, formatNumber } from '../shared/format';
import type { Path } from '../shared/path';
import { valueAt } from '../shared/values';
import { imagesPath } from './dataAdvice';

/** A number derived from the value at a path. */
export interface DerivedNumber {
  readonly path: Path;
  readonly text: string;
}

/**
 * Returns the numbers derived from an experiment: images per step, the scaled learning rate, the steps of training and
 * warmup. If the images have not been indexed, returns only the numbers that do not depend on them.
 */
export function derivedNumbers(parsed: ParseResult): DerivedNumber[] {
  const { document } = parsed;
  if (parsed.ok) return numbersOf(document, parsed.experiment);
  if (!parsed.unindexed) return [];
  const { experiment } = parsed.unindexed;
  if (!isSoundOtherwise(experiment)) return [];
  const others = numbersOf(document, withOtherImages(experiment));
  return numbersOf(document, experiment).filter((number) =>
    others.some((other) => isDeepStrictEqual(number, other)),
  );
}

function numbersOf(document: ExperimentDocument, experiment: Experiment): DerivedNumber[] {
  const chosen = chosenTricks(experiment);
  const draft = withTricks(plainDraft(experiment), chosen);
  const { schedule } = finalize(draft);
  const batch = effectiveBatchOf(draft);
  return [
    {
      path: ['data', 'batch_size'],
      text:
        batch === draft.data.batchSize
          ? l10n.t('{0} per epoch', counted(schedule.stepsPerEpoch, 'step'))
          : l10n.t('effective batch {0}, {1} per epoch', batch, counted(schedule.stepsPerEpoch, 'step')),
    },
    ...(schedule.peakLearningRate === draft.schedule.baseLearningRate
      ? []
      : [
          {
            path: ['optimizer', 'base_lr'],
            text: l10n.t('scaled to {0}', formatNumber(schedule.peakLearningRate)),
          },
        ]),
    { path: ['schedule', 'epochs'], text: counted(schedule.totalSteps, 'step') },
    ...chosen.flatMap(({ trick, options }): DerivedNumber[] => {
      const derived = trick.derived?.(draft, options);
      const key = writtenTrick(document.value, trick.name);
      if (!derived || key === undefined) return [];
      const path = ['tricks', key, derived.option];
      const isWritten = valueAt(document.value, path) !== undefined;
      return [{ path: isWritten ? path : ['tricks', key], text: derived.text }];
    }),
  ];
}

/**
 * Returns the inlay hints: derived numbers, shown behind the values that the file itself writes. `warnings` is the
 * number of problems that an index found with the images.
 */
export function inlayHints(
  parsed: ParseResult,
  warnings = 0,
): { readonly position: Position; readonly text: string }[] {
  const { document } = parsed;
  const facts = parsed.ok ? parsed.experiment.facts : undefined;
  const images = facts ? [{ path: imagesPath(document), text: factsText(facts, warnings) }] : [];
  return [...images, ...derivedNumbers(parsed).map(({ path, text }) => ({ path, text: `= ${text}` }))]
    .filter(({ path }) => valueAt(document.value, path) !== undefined)
    .map(({ path, text }) => ({ position: document.rangeOf(path).end, text }))
    .toSorted((a, b) => a.position.offset - b.position.offset);
}

/** Describes the images at a path, such as '900 + 100 images, 2 classes, short edge 420'. */
function factsText(
  { trainImages, validationImages, testImages, classNames, shortEdge }: SourceFacts,
  warnings: number,
) {
  const splits = [trainImages, validationImages, ...(testImages > 0 ? [testImages] : [])];
  return [
    l10n.t('{0} images', splits.map(formatCount).join(' + ')),
    counted(classNames.length, 'class'),
    shortEdge.min === shortEdge.max
      ? l10n.t('short edge {0}', formatCount(shortEdge.median))
      : l10n.t('short edge {0} (median)', formatCount(Math.round(shortEdge.median))),
    ...(warnings === 0 ? [] : [warnings === 1 ? l10n.t('1 warning') : l10n.t('{0} warnings', warnings)]),
  ].join(', ');
}

/** Returns the value at a path, defaults included. The path uses the names that the file uses. */
export function resolvedValue(parsed: ParseResult, path: Path): unknown {
  const experiment = parsed.ok ? parsed.experiment : parsed.unindexed?.experiment;
  if (!experiment) return undefined;
  const [section, key, ...rest] = path;
  if (section !== 'tricks' || key === undefined) return valueAt(experiment, path);
  const name = Object.keys(Object(valueAt(translate({ tricks: { [key]: true } }).value, ['tricks'])))[0];
  const chosen = chosenTricks(experiment).find(({ trick }) => trick.name === name);
  return chosen && valueAt(chosen.options, rest);
}
