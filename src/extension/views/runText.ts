// Texts about a run for the sidebar and the status bar.

import * as l10n from '@vscode/l10n';
import type { RunResult } from '../../protocol/events';
import { type Manifest, pythonText, type RunState } from '../../protocol/manifest';
import { stateName } from '../../protocol/stateName';
import { type AnyRecipe, isCommandRecipe, recipeFacts } from '../../recipe/anyRecipe';
import type { TrashedRun } from '../../runs/upkeep/trash';
import { assertNever } from '../../shared/assertNever';
import { counted } from '../../shared/counted';
import {
  formatAccuracy,
  formatBytes,
  formatDuration,
  formatNumber,
  formatProgress,
  gpuText,
} from '../../shared/format';
import type { ReadableRun } from '../runs/liveRun';

/** A codicon and its theme color. */
export interface Icon {
  readonly id: string;
  readonly color?: string;
}

export function stateIcon({ status }: Pick<RunState, 'status'>): Icon {
  switch (status) {
    case 'queued':
      return { id: 'clock' };
    case 'running':
      return { id: 'sync~spin', color: 'charts.blue' };
    case 'done':
      return { id: 'pass', color: 'testing.iconPassed' };
    case 'stopped':
      return { id: 'circle-slash' };
    case 'paused':
      return { id: 'debug-pause' };
    case 'failed':
      return { id: 'error', color: 'testing.iconFailed' };
    case 'interrupted':
      return { id: 'debug-disconnect', color: 'list.warningForeground' };
    default:
      return assertNever(status);
  }
}

/** Summarizes a run in a few words, such as '92.13% · 5 epochs', or 'epoch 3 of 5 · 61.00%' while it trains. */
export function runDescription({ manifest, activity, isUncertain }: ReadableRun): string {
  const { state, recipe } = manifest;
  const { validationImages, epochs } = recipeFacts(recipe);
  if (isUncertain) return `${stateName(state)}?`;
  switch (state.status) {
    case 'running': {
      if (activity.preparing) return activity.preparing;
      const epoch = runningText(recipe, state.step, epochs);
      return state.validationAccuracy === null
        ? epoch
        : `${epoch} · ${formatAccuracy(state.validationAccuracy, validationImages)}`;
    }
    case 'done': {
      const { validationAccuracy } = state.result;
      const done = counted(state.result.epochs, 'epoch');
      return validationAccuracy === null
        ? done
        : `${formatAccuracy(validationAccuracy, validationImages)} · ${done}`;
    }
    case 'stopped':
      return stoppedText(manifest, state);
    case 'paused':
      return state.step === 0 ? l10n.t('paused before the first step') : pausedText(recipe, state.step);
    case 'failed':
      return firstLine(state.failure.what);
    case 'queued':
    case 'interrupted':
      return stateName(state);
    default:
      return assertNever(state);
  }
}

/** The facts in a run's tooltip, as labels and values. */
export function runFacts(manifest: Manifest): { readonly label: string; readonly value: string }[] {
  const { state, recipe, engine, python, gpus, createdAt } = manifest;
  const tricks = recipe.tricks.length > 0 ? recipe.tricks.join(', ') : l10n.t('none');
  return [
    { label: l10n.t('State'), value: stateName(state) },
    ...(state.status === 'failed'
      ? [{ label: l10n.t('Reason'), value: `${state.failure.what} ${state.failure.remedy}` }]
      : []),
    ...(state.status === 'done' ? resultFacts(state.result, recipeFacts(recipe).validationImages) : []),
    ...subjectFacts(recipe),
    ...(python ? [{ label: 'Python', value: pythonText(python) }] : []),
    { label: l10n.t('Tricks'), value: tricks },
    { label: l10n.t('Seed'), value: String(recipe.seed) },
    ...(engine ? [{ label: l10n.t('Engine'), value: engine.description }] : []),
    ...(gpus ? [{ label: l10n.t('GPU'), value: gpuText(gpus) }] : []),
    ...(engine?.because ? [{ label: l10n.t('Chosen because'), value: engine.because.join(' ') }] : []),
    { label: l10n.t('Created'), value: new Date(createdAt).toLocaleString() },
  ];
}

function resultFacts(
  { validationAccuracy, averagedAccuracy, validationLoss, seconds, notes = [] }: RunResult,
  images: number | null,
): { readonly label: string; readonly value: string }[] {
  return [
    ...(validationAccuracy === null
      ? []
      : [{ label: l10n.t('Validation accuracy'), value: formatAccuracy(validationAccuracy, images) }]),
    ...(averagedAccuracy === undefined
      ? []
      : [
          {
            label: l10n.t('Validation accuracy (EMA)'),
            value: formatAccuracy(averagedAccuracy, images),
          },
        ]),
    ...(validationLoss === null
      ? []
      : [{ label: l10n.t('Validation loss'), value: formatNumber(validationLoss) }]),
    { label: l10n.t('Duration'), value: formatDuration(seconds) },
    ...notes.map((value) => ({ label: l10n.t('Note'), value })),
  ];
}

/** Formats a run for the status bar, such as 'fashion-resnet 43% · 0.61 loss' or 'fashion-resnet failed'. */
export function statusText(run: ReadableRun): string {
  const { name, recipe, state } = run.manifest;
  switch (state.status) {
    case 'queued':
    case 'running': {
      const { loss } = run.activity;
      if (state.status === 'queued' || loss === null) return name;
      const { totalSteps } = recipeFacts(recipe);
      const share = totalSteps === null ? '' : ` ${formatProgress(state.step / totalSteps)}`;
      return l10n.t('{0} · loss {1}', `${name}${share}`, loss.toFixed(2));
    }
    case 'done':
      return `${name} ${runDescription(run)}`;
    case 'stopped':
    case 'paused':
    case 'failed':
    case 'interrupted':
      return `${name} ${stateName(state)}`;
    default:
      return assertNever(state);
  }
}

/** Summarizes the trash, such as '3 runs, 1.2 GiB'. */
export function trashText(runs: readonly TrashedRun[]): string {
  const size = formatBytes(runs.reduce((sum, { bytes }) => sum + bytes, 0));
  return runs.length === 1 ? l10n.t('1 run, {0}', size) : l10n.t('{0} runs, {1}', runs.length, size);
}

/** A failure's reason may be followed by the last lines of a log. */
export function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}

/** A run has no epoch if it was only queued, or if it was stopped while loading its engine or its images. */
function stoppedText({ recipe, engine }: Manifest, state: Extract<RunState, { status: 'stopped' }>): string {
  if (state.wasQueued) return stateName(state);
  if (state.step > 0) {
    const epoch = epochAt(recipe, state.step);
    return epoch === null
      ? l10n.t('stopped after {0}', counted(state.step, 'step'))
      : l10n.t('stopped in epoch {0}', epoch + 1);
  }
  return engine === null ? l10n.t('never started') : l10n.t('stopped before the first step');
}

/** The epoch (from 0) of step `step`. At the end of training, the last epoch. Null if the run does not count steps. */
function epochAt(recipe: AnyRecipe, step: number): number | null {
  const { totalSteps, stepsPerEpoch } = recipeFacts(recipe);
  if (totalSteps === null || stepsPerEpoch === null) return null;
  return Math.floor(Math.min(step, totalSteps - 1) / stepsPerEpoch);
}

function runningText(recipe: AnyRecipe, step: number, epochs: number | null): string {
  const epoch = epochAt(recipe, step);
  if (epoch === null || epochs === null) return step === 0 ? l10n.t('running') : counted(step, 'step');
  return l10n.t('epoch {0} of {1}', epoch + 1, epochs);
}

function pausedText(recipe: AnyRecipe, step: number): string {
  const epoch = epochAt(recipe, step);
  return epoch === null
    ? l10n.t('paused after {0}', counted(step, 'step'))
    : l10n.t('paused in epoch {0}', epoch + 1);
}

/** What a run trains: a network on images, or a command. */
function subjectFacts(recipe: AnyRecipe): { readonly label: string; readonly value: string }[] {
  if (isCommandRecipe(recipe)) return [{ label: l10n.t('Command'), value: recipe.command.join(' ') }];
  return [{ label: l10n.t('Model'), value: `${recipe.model.name}, ${recipe.data.dataset.name}` }];
}
