// What the sidebar and the status bar say of a run.
import * as l10n from '@vscode/l10n';
import type { Manifest, RunState } from '../../protocol/manifest';
import { stateName } from '../../protocol/stateName';
import { assertNever } from '../../shared/assertNever';
import { formatNumber, formatPercent, formatProgress } from '../../shared/format';
import type { ReadableRun } from '../runs/liveRun';

/** A codicon and the theme colour it is drawn in. */
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

/** A run in a few words, such as '92.1% · 5 epochs', or live 'epoch 3 of 5 · 61.0%'. */
export function runDescription({ manifest: { state, recipe }, activity, isUncertain }: ReadableRun): string {
  if (isUncertain) return `${stateName(state)}?`;
  switch (state.status) {
    case 'running': {
      if (activity.preparing) return activity.preparing;
      const epoch = l10n.t('epoch {0} of {1}', epochAt(recipe.schedule, state.step) + 1, recipe.epochs);
      return state.validationAccuracy === null
        ? epoch
        : `${epoch} · ${formatPercent(state.validationAccuracy)}`;
    }
    case 'done': {
      const { epochs, validationAccuracy } = state.result;
      return `${formatPercent(validationAccuracy)} · ${epochCount(epochs)}`;
    }
    case 'stopped':
      return l10n.t('stopped in epoch {0}', epochAt(recipe.schedule, state.step) + 1);
    case 'paused':
      return l10n.t('paused in epoch {0}', epochAt(recipe.schedule, state.step) + 1);
    case 'failed':
      return firstLine(state.failure.what);
    case 'queued':
    case 'interrupted':
      return stateName(state);
    default:
      return assertNever(state);
  }
}

/** The facts of a run's tooltip, as label and value. */
export function runFacts(manifest: Manifest): { readonly label: string; readonly value: string }[] {
  const { state, recipe, engine, createdAt } = manifest;
  const tricks = recipe.tricks.length > 0 ? recipe.tricks.join(', ') : l10n.t('none');
  return [
    { label: l10n.t('State'), value: stateName(state) },
    ...(state.status === 'failed'
      ? [{ label: l10n.t('Reason'), value: `${state.failure.what} ${state.failure.remedy}` }]
      : []),
    ...(state.status === 'done'
      ? [
          { label: l10n.t('Validation accuracy'), value: formatPercent(state.result.validationAccuracy) },
          { label: l10n.t('Validation loss'), value: formatNumber(state.result.validationLoss) },
        ]
      : []),
    { label: l10n.t('Model'), value: `${recipe.model.name}, ${recipe.data.dataset.name}` },
    { label: l10n.t('Tricks'), value: tricks },
    { label: l10n.t('Seed'), value: String(recipe.seed) },
    ...(engine ? [{ label: l10n.t('Engine'), value: engine.description }] : []),
    ...(engine?.because ? [{ label: l10n.t('Chosen because'), value: engine.because.join(' ') }] : []),
    { label: l10n.t('Created'), value: new Date(createdAt).toLocaleString() },
  ];
}

/** A run in the status bar, such as 'fashion-resnet 43% · 0.61 loss' or 'fashion-resnet failed'. */
export function statusText(run: ReadableRun): string {
  const { name, recipe, state } = run.manifest;
  switch (state.status) {
    case 'queued':
    case 'running': {
      const { loss } = run.activity;
      if (state.status === 'queued' || loss === null) return name;
      const share = formatProgress(state.step / recipe.schedule.totalSteps);
      return l10n.t('{0} {1} · {2} loss', name, share, loss.toFixed(2));
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

/** A failure's reason may go on with the last lines of a log. */
export function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}

function epochCount(epochs: number): string {
  return epochs === 1 ? l10n.t('1 epoch') : l10n.t('{0} epochs', epochs);
}

/** The epoch (0, 1, ...) that step `step` belongs to, the last one at the training's end. */
function epochAt(schedule: Manifest['recipe']['schedule'], step: number): number {
  return Math.floor(Math.min(step, schedule.totalSteps - 1) / schedule.stepsPerEpoch);
}
