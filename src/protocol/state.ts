import { assertNever } from '../shared/assertNever';
import type { RunEvent } from './events';
import type { RunState } from './manifest';

/** Where a run stands after an event of its log. A running state's step counts the steps done. */
export function stateAfter(state: RunState, event: RunEvent): RunState {
  const validationAccuracy = state.status === 'running' ? state.validationAccuracy : null;
  switch (event.type) {
    case 'started':
    case 'preparing':
      return state.status === 'running' ? state : { status: 'running', step: 0, validationAccuracy };
    case 'step':
      return { status: 'running', step: event.step + 1, validationAccuracy };
    case 'epoch':
      return { status: 'running', step: event.step, validationAccuracy: event.validationAccuracy };
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
