import { assertNever } from '../shared/assertNever';
import type { RunEvent } from './events';
import type { FinalState, RunState } from './manifest';

/** Returns a run's state after an event of its log. The step of a running state is the number of steps done. */
export function stateAfter(state: RunState, event: RunEvent): RunState {
  const validationAccuracy = state.status === 'running' ? state.validationAccuracy : null;
  switch (event.type) {
    case 'started':
    case 'preparing':
      return state.status === 'running' ? state : { status: 'running', step: 0, validationAccuracy };
    case 'step':
      return { status: 'running', step: event.step + 1, validationAccuracy };
    case 'epoch':
      return { status: 'running', step: event.step, validationAccuracy: event.validationAccuracy ?? null };
    case 'done':
      return { status: 'done', result: event.result };
    case 'stopped':
    case 'paused':
      return { status: event.type, step: event.step };
    case 'failed':
      return { status: 'failed', failure: event.failure };
    default:
      return assertNever(event);
  }
}

/** Whether a run in this state has ended by itself, by request or with a failure. */
export function isFinalState(state: RunState): state is FinalState {
  switch (state.status) {
    case 'done':
    case 'stopped':
    case 'paused':
    case 'failed':
      return true;
    case 'queued':
    case 'running':
    case 'interrupted':
      return false;
    default:
      return assertNever(state);
  }
}
