import * as l10n from '@vscode/l10n';
import { dataWaitText } from '../protocol/dataWait';
import type { RunEvent } from '../protocol/events';
import { lossText } from '../protocol/lossText';
import { precisionText } from '../protocol/precisionText';
import type { Recipe } from '../recipe/recipe';
import { assertNever } from '../shared/assertNever';
import {
  formatCount,
  formatDuration,
  formatNumber,
  formatPercent,
  formatProgress,
  formatSpeed,
} from '../shared/format';
import type { Bar, Terminal } from './terminal';

/** Shows a training's events as they come. */
export interface Progress {
  show(event: RunEvent): void;
  /** Leaves the terminal as it was, ready for a result. */
  end(): void;
}

/** One event a line, for programs; nothing else goes to standard output. */
export function jsonProgress(terminal: Terminal): Progress {
  return { show: (event) => terminal.printJson(event), end: () => {} };
}

/** A line for each thing that happens, for logs and pipes. */
export function lineProgress(terminal: Terminal, recipe: Recipe): Progress {
  let preparing = '';
  return {
    show: (event) => {
      // A download tells of every percent of it.
      if (event.type === 'preparing' && event.what === preparing) return;
      preparing = event.type === 'preparing' ? event.what : '';
      for (const line of describe(event, recipe)) terminal.print(line);
    },
    end: () => {},
  };
}

/** A bar that follows every step, below the lines of what happened. */
export function barProgress(terminal: Terminal, recipe: Recipe): Progress {
  const { totalSteps } = recipe.schedule;
  const bars = terminal.bars({
    format: `{bar} {percentage}% {status}`,
    barsize: Math.min(30, Math.max(5, terminal.columns - 86)),
  });
  let bar: Bar | null = null;
  let firstStepAt: { readonly step: number; readonly time: number } | null = null;
  return {
    show: (event) => {
      switch (event.type) {
        case 'preparing': {
          bar ??= bars.start(totalSteps, { status: '' });
          const share = event.share === null ? '' : ` ${formatProgress(event.share)}`;
          bar.update(0, { status: `${event.what}${share}` });
          return;
        }
        case 'step': {
          bar ??= bars.start(totalSteps, { status: '' });
          firstStepAt ??= { step: event.step, time: event.time };
          const status = stepStatus(event, recipe, secondsLeft(firstStepAt, event, totalSteps));
          bar.update(event.step + 1, { status });
          return;
        }
        case 'started':
        case 'epoch':
        case 'done':
        case 'stopped':
        case 'paused':
        case 'failed': {
          for (const line of describe(event, recipe)) {
            // A bar is drawn below what is logged; where there is none yet, nothing is drawn at all.
            if (bar) bars.log(line);
            else terminal.print(line);
          }
          return;
        }
        default:
          return assertNever(event);
      }
    },
    end: () => bars.end(),
  };
}

/** What is left at the pace so far, validation included; null at the first step. */
function secondsLeft(
  first: { readonly step: number; readonly time: number },
  now: { readonly step: number; readonly time: number },
  totalSteps: number,
): number | null {
  const steps = now.step - first.step;
  return steps > 0 ? (((now.time - first.time) / steps) * (totalSteps - now.step - 1)) / 1000 : null;
}

function stepStatus(
  event: Extract<RunEvent, { type: 'step' }>,
  { epochs, schedule }: Recipe,
  left: number | null,
): string {
  return [
    l10n.t('epoch {0}/{1}', event.epoch + 1, epochs),
    l10n.t('step {0}/{1}', event.step + 1, schedule.totalSteps),
    l10n.t('loss {0}', event.loss.toFixed(3)),
    l10n.t('lr {0}', formatNumber(event.learningRate, 3)),
    l10n.t('acc {0}', formatPercent(event.accuracy)),
    formatSpeed(event.imagesPerSecond),
    ...(event.overflows ? [l10n.t('{0} skipped', event.overflows)] : []),
    ...(left === null ? [] : [l10n.t('{0} left', formatDuration(left))]),
  ].join('  ');
}

/** An event in lines of its own; none for the events that end a run, which its result tells, and for steps. */
function describe(event: RunEvent, recipe: Recipe): string[] {
  switch (event.type) {
    case 'preparing':
      // Some say what was found, in a sentence.
      return [event.what.endsWith('.') ? event.what : `${event.what}...`];
    case 'started':
      return [
        l10n.t(
          'Training {0}: {1} with {2} parameters, {3} epochs of {4} steps, on {5} ({6})',
          recipe.name,
          recipe.model.name,
          formatCount(event.parameters),
          event.epochs,
          event.stepsPerEpoch,
          event.engine.name,
          event.engine.description,
        ) + (event.precision.compute === 'float32' ? '' : `, ${precisionText(event.precision)}`),
        ...(event.engine.because ? [event.engine.because.join(' ')] : []),
      ];
    case 'epoch': {
      const line = l10n
        .t(
          'Epoch {0}/{1}: loss {2}, accuracy {3}; validation loss {4}, accuracy {5}; {6}',
          event.epoch + 1,
          recipe.epochs,
          lossText(event.trainLoss, event.trainLabelsLoss, (loss) => loss.toFixed(4)),
          formatPercent(event.trainAccuracy),
          event.validationLoss.toFixed(4),
          formatPercent(event.validationAccuracy),
          formatDuration(event.seconds),
        )
        .concat(
          event.validationTop5 === undefined
            ? ''
            : `; ${l10n.t('top-5 {0}', formatPercent(event.validationTop5))}`,
          event.averagedAccuracy === undefined
            ? ''
            : `; ${l10n.t('of the average {0}', formatPercent(event.averagedAccuracy))}`,
        );
      const wait = dataWaitText(event, recipe.data);
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
