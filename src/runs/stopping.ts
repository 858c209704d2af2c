import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import * as l10n from '@vscode/l10n';
import type { FinalState, RunState } from '../protocol/manifest';
import { isFinalState } from '../protocol/state';
import type { EndRequest } from '../protocol/trainer';
import type { Failure } from '../shared/failure';
import { failureOf } from '../system/errors';
import { killTree, signalProcess } from '../system/processes';
import { replaceFile } from '../system/replaceFile';
import { endRequestPath, isWithinReach, type Lease, livenessOf, readLease, standingOf } from './lease/lease';
import { changeState, readManifest, readRun } from './store';
import { newerRunFailure } from './trainable';

/** How long a trainer may take to follow a request to stop, and then a signal to. */
export const GRACE_MS = 10_000;

/**
 * Stops a run whichever process started it: asks, and after `graceMs` kills its trainer with all that this
 * started. Null where that went well, or where it ended meanwhile.
 */
export function stopByLease(folder: string, graceMs = GRACE_MS): Promise<Failure | null> {
  return endByLease(folder, 'stop', graceMs);
}

/** Pauses a run as `stopByLease` stops one. */
export function pauseByLease(folder: string, graceMs = GRACE_MS): Promise<Failure | null> {
  return endByLease(folder, 'pause', graceMs);
}

/** The state of a run whose trainer was asked to end, after `step` steps. */
export function endedState(request: EndRequest, step: number): FinalState {
  return { status: request === 'pause' ? 'paused' : 'stopped', step };
}

async function endByLease(folder: string, request: EndRequest, graceMs: number): Promise<Failure | null> {
  try {
    const refusal = await newerRunFailure(folder);
    if (refusal) return refusal;
    const lease = await readLease(folder);
    if (!lease || (await livenessOf(lease)) === 'gone') {
      return {
        what: l10n.t('The run is not running.'),
        remedy: l10n.t('List the runs to see which one is.'),
      };
    }
    await requestEnd(folder, lease, request);
    if (!(await isGivenUp(folder, lease, graceMs)) && !(await killHolder(folder, lease))) {
      return {
        what: l10n.t('The run did not stop: it is trained on {0}.', lease.holder?.host ?? '?'),
        remedy: l10n.t('Stop it there.'),
      };
    }
    // Who started it says how it ended, and gives up the lease then.
    for (let waitedMs = 0; (await readLease(folder)) && waitedMs < 1000; waitedMs += 50) await delay(50);
    await settle(folder, (state) => endedState(request, stepOf(state)));
    // Whoever started it has seen by now that it was asked to end, and did not crash.
    await rm(endRequestPath(folder), { force: true });
    return null;
  } catch (error) {
    return failureOf(error);
  }
}

/**
 * Writes how a run ended whose trainer went away before it had: as its log says, else that it is interrupted; nothing where
 * one trains it.
 */
export async function markInterrupted(folder: string): Promise<void> {
  const before = await readManifest(folder);
  const run = await readRun(folder);
  if (!before.ok || run.kind === 'broken') return;
  const { status } = before.manifest.state;
  const { state: end } = run.manifest;
  if (end.status === status || (end.status !== 'interrupted' && !isFinalState(end))) return;
  await changeState(folder, ({ state }) => (state.status === status ? end : null));
}

/**
 * Gives a run that nobody trains a state, where it has none yet that ends it; `stateFrom` says null to leave it.
 *
 * @returns the state that the run is in; null where somebody trains it, or it cannot be read
 * @throws the file system's error
 */
export function settle(
  folder: string,
  stateFrom: (state: RunState) => RunState | null,
): Promise<RunState | null> {
  return changeState(folder, ({ state, endedAt }) => {
    if (!isFinalState(state)) return stateFrom(state);
    return endedAt === null ? state : null;
  });
}

/** The request's file reaches a trainer anywhere, and a signal one of this machine at once. */
async function requestEnd(folder: string, lease: Lease, request: EndRequest): Promise<void> {
  await replaceFile(endRequestPath(folder), request);
  // Windows has no signal that asks.
  if (lease.holder && process.platform !== 'win32' && (await isWithinReach(lease))) {
    signalProcess(lease.holder.pid, 'SIGTERM');
  }
}

/** Kills the process that holds a lease, and all that it started; false where it is out of reach. */
async function killHolder(folder: string, lease: Lease): Promise<boolean> {
  if (!lease.holder || !(await isWithinReach(lease))) return false;
  await killTree(lease.holder.pid);
  return isGivenUp(folder, lease, GRACE_MS);
}

/** Whether within a time a holder has gone, or is one on another machine that has given the run up. */
async function isGivenUp(folder: string, lease: Lease, ms: number): Promise<boolean> {
  for (let waitedMs = 0; ; waitedMs += 50) {
    const liveness = await livenessOf(lease);
    if (liveness === 'gone') return true;
    const isNear = liveness === 'held' && (await isWithinReach(lease));
    if (!isNear && standingOf(folder, lease) !== 'held') return true;
    if (waitedMs >= ms) return false;
    await delay(50);
  }
}

function stepOf(state: RunState): number {
  return state.status === 'running' ? state.step : 0;
}
