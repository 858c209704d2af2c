import * as l10n from '@vscode/l10n';
import { dataWaitText } from '../../protocol/dataWait';
import type { RunEvent } from '../../protocol/events';
import { lossText } from '../../protocol/lossText';
import { precisionText } from '../../protocol/precisionText';
import { isEngineStart } from '../../protocol/standing';
import { type AnyRecipe, isCommandRecipe, recipeFacts } from '../../recipe/anyRecipe';
import { assertNever } from '../../shared/assertNever';
import { counted } from '../../shared/counted';
import {
  formatAccuracy,
  formatDuration,
  formatLoss,
  formatNumber,
  formatProgress,
  formatSpeed,
} from '../../shared/format';
import type { StatusLine, Terminal } from '../terminal';
import { type ProgressField, progressLine } from './progressLine';

/** Shows training events as they arrive. */
export interface Progress {
  show(event: RunEvent): void;
  /** Restores the terminal, ready for a result. */
  end(): void;
}

/** Prints one JSON event per line, for programs. Nothing else goes to standard output. */
export function jsonProgress(terminal: Terminal): Progress {
  return { show: (event) => terminal.printJson(event), end: () => {} };
}

/** Prints one line per notable event, for logs and pipes. */
export function lineProgress(terminal: Terminal, recipe: AnyRecipe): Progress {
  let preparing = '';
  return {
    show: (event) => {
      // A download sends an event for every percent.
      if (event.type === 'preparing' && event.what === preparing) return;
      preparing = event.type === 'preparing' ? event.what : '';
      for (const line of describe(event, recipe)) terminal.print(line);
    },
    end: () => {},
  };
}

/** Draws a bar that follows every step, below lines for the other events. */
export function barProgress(terminal: Terminal, bar: StatusLine, recipe: AnyRecipe): Progress {
  let length: RunLength = recipeFacts(recipe);
  let firstStepAt: { readonly step: number; readonly time: number } | null = null;
  return {
    show: (event) => {
      switch (event.type) {
        case 'preparing': {
          const share = event.share === null ? '' : ` ${formatProgress(event.share)}`;
          bar.show(progressLine(bar.columns, 0, [{ text: `${event.what}${share}`, rank: 0 }]));
          return;
        }
        case 'step': {
          firstStepAt ??= { step: event.step, time: event.time };
          const { totalSteps } = length;
          const left = totalSteps === null ? null : secondsLeft(firstStepAt, event, totalSteps);
          const fields = stepFields(event, recipe, length, left);
          bar.show(
            progressLine(bar.columns, totalSteps === null ? 0 : (event.step + 1) / totalSteps, fields),
          );
          return;
        }
        case 'started':
        case 'epoch':
        case 'done':
        case 'stopped':
        case 'paused':
        case 'failed':
          if (event.type === 'started') length = event;
          for (const line of describe(event, recipe)) terminal.print(line);
          return;
        default:
          return assertNever(event);
      }
    },
    end: () => bar.clear(),
  };
}

/** How long a run is. Null if unknown. */
type RunLength = Pick<Extract<RunEvent, { type: 'started' }>, 'epochs' | 'totalSteps'>;

/** Estimated seconds left at the pace so far, validation included. Null at the first step. */
function secondsLeft(
  first: { readonly step: number; readonly time: number },
  now: { readonly step: number; readonly time: number },
  totalSteps: number,
): number | null {
  const steps = now.step - first.step;
  return steps > 0 ? (((now.time - first.time) / steps) * (totalSteps - now.step - 1)) / 1000 : null;
}

/** The fields of a step's line. A narrow terminal keeps accuracy, speed and the time left the longest. */
export function stepFields(
  event: Extract<RunEvent, { type: 'step' }>,
  recipe: AnyRecipe,
  { epochs, totalSteps }: RunLength,
  left: number | null,
): ProgressField[] {
  const { loss, learningRate, accuracy, imagesPerSecond } = event;
  const images = isCommandRecipe(recipe) ? null : recipe.data.batchSize * recipe.gradients.accumulation;
  const field = (
    rank: number,
    value: number | undefined,
    text: (value: number) => string,
  ): ProgressField[] => (value === undefined ? [] : [{ text: text(value), rank }]);
  return [
    ...(totalSteps === null ? [] : [{ text: formatProgress((event.step + 1) / totalSteps), rank: 3 }]),
    { text: l10n.t('epoch {0}', doneOf(event.epoch + 1, epochs)), rank: 5 },
    { text: l10n.t('step {0}', doneOf(event.step + 1, totalSteps)), rank: 8 },
    ...field(6, loss, (value) => l10n.t('loss {0}', value.toFixed(3))),
    ...field(7, learningRate, (value) => l10n.t('lr {0}', formatNumber(value, 3))),
    ...field(1, accuracy, (value) => l10n.t('acc {0}', formatAccuracy(value, images))),
    ...field(2, imagesPerSecond, formatSpeed),
    ...(event.overflows ? [{ text: l10n.t('{0} skipped', event.overflows), rank: 4 }] : []),
    ...(left === null ? [] : [{ text: l10n.t('{0} left', formatDuration(left)), rank: 0 }]),
  ];
}

/** Formats a count, such as '3/12', or '3' if the total is unknown. */
function doneOf(done: number, all: number | null): string {
  return all === null ? `${done}` : `${done}/${all}`;
}

/** The lines for an event. Empty for steps and for events that end a run, which the result line covers. */
function describe(event: RunEvent, recipe: AnyRecipe): string[] {
  switch (event.type) {
    case 'preparing':
      // Some events carry a full sentence about what was found.
      return [event.what.endsWith('.') ? event.what : `${event.what}...`];
    case 'started':
      if (isCommandRecipe(recipe) || !isEngineStart(event)) {
        return [l10n.t('Training {0} with a command', recipe.name)];
      }
      return [
        l10n.t(
          'Training {0}: {1} with {2}, {3} of {4}, on {5} ({6})',
          recipe.name,
          recipe.model.name,
          counted(event.parameters, 'parameter'),
          counted(event.epochs, 'epoch'),
          counted(event.stepsPerEpoch, 'step'),
          event.engine.name,
          event.engine.description,
        ) + (event.precision.compute === 'float32' ? '' : `, ${precisionText(event.precision)}`),
        ...(event.engine.because ? [event.engine.because.join(' ')] : []),
      ];
    case 'epoch': {
      const { trainImages, validationImages, epochs } = recipeFacts(recipe);
      const line = l10n
        .t(
          'Epoch {0}: loss {1}, accuracy {2}; validation loss {3}, accuracy {4}; {5}',
          doneOf(event.epoch + 1, epochs),
          lossText(event.trainLoss, event.trainLabelsLoss, (loss) => loss.toFixed(4)),
          formatAccuracy(event.trainAccuracy, trainImages),
          formatLoss(event.validationLoss, 4),
          formatAccuracy(event.validationAccuracy, validationImages),
          formatDuration(event.seconds),
        )
        .concat(
          event.validationTop5 === undefined
            ? ''
            : `; ${l10n.t('top-5 {0}', formatAccuracy(event.validationTop5, validationImages))}`,
          event.averagedAccuracy === undefined
            ? ''
            : `; ${l10n.t('EMA {0}', formatAccuracy(event.averagedAccuracy, validationImages))}`,
        );
      const wait = isCommandRecipe(recipe) ? null : dataWaitText(event, recipe.data);
      return wait === null ? [line] : [line, wait];
    }
    case 'step':
    case 'done':
    case 'stopped':
    case 'paused':
    case 'failed':
      return [];
    default:
      return assertNever(event);
  }
}
