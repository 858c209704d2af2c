import type { Recipe } from '../recipe/recipe';
import type { RunEvent } from './events';
import type { RunState } from './manifest';

/** A run as the dashboard shows it, without its events. */
export interface RunView {
  /** What it is known by: two projects may each have a run of an id. */
  readonly folder: string;
  readonly name: string;
  readonly state: RunState;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly recipe: Recipe;
}

/** From the extension host to the dashboard. Accuracies are shares from 0 to 1. */
export type ToDashboard =
  /** The whole of a run, in place of what was shown. */
  | { readonly type: 'snapshot'; readonly run: RunView; readonly events: readonly RunEvent[] }
  /** Events since the snapshot or the last delta, in order, and where the run stands after them. */
  | {
      readonly type: 'delta';
      readonly folder: string;
      readonly state: RunState;
      readonly events: readonly RunEvent[];
    }
  /** No run to show, and why. */
  | { readonly type: 'clear'; readonly reason: string };

/** From the dashboard to the extension host. */
export type FromDashboard =
  /** Sent once the dashboard can receive; answered by a snapshot or clear. */
  | { readonly type: 'ready' }
  | { readonly type: 'stop'; readonly folder: string }
  | { readonly type: 'pause'; readonly folder: string }
  | { readonly type: 'resume'; readonly folder: string }
  | { readonly type: 'openExperiment'; readonly folder: string }
  | { readonly type: 'openLog'; readonly folder: string }
  | { readonly type: 'runAgain'; readonly folder: string };

/** What the dashboard leaves with VS Code, so that a reload brings it back. */
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
 * Whether a message is one for the dashboard. Both ends come from one build and the host has validated the
 * events as it read them, so this tells messages apart and does not look at every number.
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

/** Whether a message is one from the dashboard. */
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
      return typeof value.folder === 'string';
    default:
      return false;
  }
}

/** Whether VS Code hands back what a dashboard left with it. */
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
