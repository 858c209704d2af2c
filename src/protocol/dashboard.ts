import type { AnyRecipe } from '../recipe/anyRecipe';
import type { GpuReport, RunEvent } from './events';
import type { PythonReport, RunState } from './manifest';

/** A run for display in the dashboard, without its events. */
export interface RunView {
  /** Identifies the run, because two projects may have runs with the same id. */
  readonly folder: string;
  readonly name: string;
  readonly state: RunState;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly recipe: AnyRecipe;
  /** The Python of its command. */
  readonly python?: PythonReport;
  /** The GPUs that it trains on, if known. */
  readonly gpus?: readonly GpuReport[] | undefined;
}

/** Messages from the extension host to the dashboard. Accuracies are fractions from 0 to 1. */
export type ToDashboard =
  /** A complete run, which replaces what is shown. */
  | { readonly type: 'snapshot'; readonly run: RunView; readonly events: readonly RunEvent[] }
  /** Events since the snapshot or the last delta, in order, and the run's state after them. */
  | {
      readonly type: 'delta';
      readonly folder: string;
      /** The run's current name, given by a person. */
      readonly name?: string;
      readonly state: RunState;
      /** The Python of its command, since that is known. */
      readonly python?: PythonReport;
      readonly gpus?: readonly GpuReport[] | undefined;
      readonly events: readonly RunEvent[];
    }
  /** There is no run to show, with the reason. */
  | { readonly type: 'clear'; readonly reason: string };

/** Messages from the dashboard to the extension host. */
export type FromDashboard =
  /** Sent when the dashboard can receive messages. The answer is a snapshot or clear. */
  | { readonly type: 'ready' }
  | { readonly type: 'stop'; readonly folder: string }
  | { readonly type: 'pause'; readonly folder: string }
  | { readonly type: 'resume'; readonly folder: string }
  | { readonly type: 'openExperiment'; readonly folder: string }
  | { readonly type: 'openLog'; readonly folder: string }
  /** Repeats the run's own recipe. */
  | { readonly type: 'runAgain'; readonly folder: string }
  /** Runs the experiment file in its current form. */
  | { readonly type: 'runFile'; readonly folder: string }
  /** Shows the differences between the experiment file and the run's, and offers to restore the run's. */
  | { readonly type: 'restoreFile'; readonly folder: string };

/** The dashboard's state, which VS Code keeps so that a reload restores it. */
export interface DashboardState {
  readonly folder: string;
  readonly showTable: boolean;
}

const RUN_STATUSES: Record<RunState['status'], true> = {
  queued: true,
  running: true,
  done: true,
  stopped: true,
  paused: true,
  failed: true,
  interrupted: true,
};

const EVENT_TYPES: Record<RunEvent['type'], true> = {
  started: true,
  preparing: true,
  step: true,
  epoch: true,
  done: true,
  stopped: true,
  paused: true,
  failed: true,
};

/**
 * Whether a value is a message for the dashboard. Both ends come from one build, and the host validated the events when
 * it read them, so this only distinguishes messages and does not check every number.
 */
export function isToDashboard(value: unknown): value is ToDashboard {
  if (!isObject(value)) return false;
  switch (value.type) {
    case 'snapshot':
      return isRunView(value.run) && areEvents(value.events);
    case 'delta':
      return typeof value.folder === 'string' && isRunState(value.state) && areEvents(value.events);
    case 'clear':
      return typeof value.reason === 'string';
    default:
      return false;
  }
}

/** Whether a value is a message from the dashboard. */
export function isFromDashboard(value: unknown): value is FromDashboard {
  if (!isObject(value)) return false;
  switch (value.type) {
    case 'ready':
      return true;
    case 'stop':
    case 'pause':
    case 'resume':
    case 'openExperiment':
    case 'openLog':
    case 'runAgain':
    case 'runFile':
    case 'restoreFile':
      return typeof value.folder === 'string';
    default:
      return false;
  }
}

/** Whether a value is a dashboard's state, as VS Code returns it. */
export function isDashboardState(value: unknown): value is DashboardState {
  return isObject(value) && typeof value.folder === 'string' && typeof value.showTable === 'boolean';
}

function isRunView(value: unknown): value is RunView {
  return (
    isObject(value) &&
    typeof value.folder === 'string' &&
    typeof value.name === 'string' &&
    typeof value.createdAt === 'number' &&
    isRunState(value.state) &&
    isObject(value.recipe)
  );
}

function isRunState(value: unknown): value is RunState {
  return isObject(value) && typeof value.status === 'string' && Object.hasOwn(RUN_STATUSES, value.status);
}

function areEvents(value: unknown): value is RunEvent[] {
  return (
    Array.isArray(value) &&
    value.every(
      (event) => isObject(event) && typeof event.type === 'string' && Object.hasOwn(EVENT_TYPES, event.type),
    )
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
