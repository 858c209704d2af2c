import { isDeepStrictEqual } from 'node:util';
import * as l10n from '@vscode/l10n';
import { translate, writtenTrick } from '../experiment/aliases';
import type { ParseResult } from '../experiment/parse';
import type { Position } from '../experiment/problem';
import { chosenTricks, plainDraft, withTricks } from '../experiment/resolve';
import type { Experiment } from '../experiment/schema';
import type { ExperimentDocument } from '../experiment/text/document';
import type { SourceFacts } from '../recipe/datasets';
import { effectiveBatchOf, finalize } from '../recipe/draft';
import { formatCount, formatNumber } from '../shared/format';
import type { Path } from '../shared/path';
import { valueAt } from '../shared/values';
import { imagesPath } from './dataAdvice';
import { isSoundOtherwise, withOtherImages } from './unindexed';

/** A number that follows from what is written at a path. */
export interface DerivedNumber {
  readonly path: Path;
  readonly text: string;
}

/**
 * What an experiment's numbers lead to: images in a step, the scaled rate, the steps of training and warmup. Where
 * nobody has looked at the images, only what is the same whatever they are.
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
          ? l10n.t('{0} steps an epoch', schedule.stepsPerEpoch)
          : l10n.t('effective batch {0}, {1} steps an epoch', batch, schedule.stepsPerEpoch),
    },
    ...(schedule.peakLearningRate === draft.schedule.baseLearningRate
      ? []
      : [
          {
            path: ['optimizer', 'base_lr'],
            text: l10n.t('scaled to {0}', formatNumber(schedule.peakLearningRate)),
          },
        ]),
    { path: ['schedule', 'epochs'], text: l10n.t('{0} steps', schedule.totalSteps) },
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
 * Where the numbers that follow from what the file writes itself are shown: behind the values. `warnings` is how many
 * things an index found wrong with the images.
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

/** What there is at a path of images, such as '900 + 100 images, 2 classes, short edge 420'. */
function factsText(
  { trainImages, validationImages, testImages, classNames, shortEdge }: SourceFacts,
  warnings: number,
) {
  const splits = [trainImages, validationImages, ...(testImages > 0 ? [testImages] : [])];
  return [
    l10n.t('{0} images', splits.map(formatCount).join(' + ')),
    l10n.t('{0} classes', formatCount(classNames.length)),
    shortEdge.min === shortEdge.max
      ? l10n.t('short edge {0}', formatCount(shortEdge.median))
      : l10n.t('short edge {0} (median)', formatCount(Math.round(shortEdge.median))),
    ...(warnings === 0 ? [] : [warnings === 1 ? l10n.t('1 warning') : l10n.t('{0} warnings', warnings)]),
  ].join(', ');
}

/** What the file, with its defaults, has at a path as it is written there. */
export function resolvedValue(parsed: ParseResult, path: Path): unknown {
  const experiment = parsed.ok ? parsed.experiment : parsed.unindexed?.experiment;
  if (!experiment) return undefined;
  const [section, key, ...rest] = path;
  if (section !== 'tricks' || key === undefined) return valueAt(experiment, path);
  const name = Object.keys(Object(valueAt(translate({ tricks: { [key]: true } }).value, ['tricks'])))[0];
  const chosen = chosenTricks(experiment).find(({ trick }) => trick.name === name);
  return chosen && valueAt(chosen.options, rest);
}
