import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import * as l10n from '@vscode/l10n';
import type { FinalState, RunState } from '../protocol/manifest';
import { isFinalState } from '../protocol/state';
import type { EndRequest } from '../protocol/trainer';
import { isCommandRecipe } from '../recipe/anyRecipe';
import type { Failure } from '../shared/failure';
import { failureOf } from '../system/errors';
import { killTree, signalProcess } from '../system/processes';
import { replaceFile } from '../system/replaceFile';
import { pauseRefusal } from './commandRun';
import { endRequestPath, isWithinReach, type Lease, livenessOf, readLease, standingOf } from './lease/lease';
import { changeState, readManifest, readRun } from './store';
import { newerRunFailure } from './trainable';
import type { TrainerKind } from './trainerCommand';

/**
 * How long a trainer of each kind may take to follow a stop request, and then a signal, in milliseconds. A command may
 * save a large checkpoint when it is interrupted.
 */
export const GRACE_MS: Readonly<Record<TrainerKind, number>> = { network: 10_000, command: 30_000 };

/** Which trainer a run needs. For an unreadable run, that of our own networks. */
export async function trainerKindOf(folder: string): Promise<TrainerKind> {
  const reading = await readManifest(folder);
  return reading.ok && isCommandRecipe(reading.manifest.recipe) ? 'command' : 'network';
}

/**
 * Stops a run, whichever process started it. Asks first, and after `graceMs` kills its trainer with all descendants.
 * Returns null on success, or if the run ended meanwhile.
 */
export function stopByLease(folder: string, graceMs?: number): Promise<Failure | null> {
  return endByLease(folder, 'stop', graceMs);
}

/**
 * Pauses a run. Works like `stopByLease`. Refuses a run whose command cannot resume, unless the caller accepts that it
 * will start over.
 */
export async function pauseByLease(
  folder: string,
  graceMs?: number,
  { mayStartOver = false }: { readonly mayStartOver?: boolean } = {},
): Promise<Failure | null> {
  const reading = mayStartOver ? null : await readManifest(folder).catch(() => null);
  const isOver = reading?.ok && isFinalState(reading.manifest.state);
  const refusal = reading?.ok && !isOver ? pauseRefusal(reading.manifest) : null;
  return refusal ?? endByLease(folder, 'pause', graceMs);
}

/** The state of a run with a trainer that was asked to end, after `step` steps. */
export function endedState(request: EndRequest, step: number): FinalState {
  return { status: request === 'pause' ? 'paused' : 'stopped', step };
}

async function endByLease(
  folder: string,
  request: EndRequest,
  givenGraceMs: number | undefined,
): Promise<Failure | null> {
  try {
    const refusal = await newerRunFailure(folder);
    if (refusal) return refusal;
    const graceMs = givenGraceMs ?? GRACE_MS[await trainerKindOf(folder)];
    const lease = await readLease(folder);
    if (!lease || (await livenessOf(lease)) === 'gone') {
      return {
        what: l10n.t('The run is not running.'),
        remedy: l10n.t('List the runs to see which are running.'),
      };
    }
    await requestEnd(folder, lease, request);
    if (!(await isGivenUp(folder, lease, graceMs)) && !(await killHolder(folder, lease))) {
      return {
        what: l10n.t('The run did not stop: it is training on {0}.', lease.holder?.host ?? '?'),
        remedy: l10n.t('Stop it there.'),
      };
    }
    // The process that started the run records its end and then releases the lease.
    for (let waitedMs = 0; (await readLease(folder)) && waitedMs < 1000; waitedMs += 50) await delay(50);
    await settle(folder, (state) => endedState(request, stepOf(state)));
    // By now the process that started the run knows that this was a request and not a crash.
    await rm(endRequestPath(folder), { force: true });
    return null;
  } catch (error) {
    return failureOf(error);
  }
}

/**
 * Records the end of a run with a trainer that disappeared: as in its log, otherwise as interrupted. No-op if the run
 * is being trained.
 */
export async function markInterrupted(folder: string): Promise<void> {
  const before = await readManifest(folder);
  const run = await readRun(folder);
  if (!before.ok || run.kind === 'broken') return;
  const { state: written, endedAt } = before.manifest;
  const { state: end } = run.manifest;
  const isWritten = end.status === written.status && endedAt !== null;
  if (isWritten || (end.status !== 'interrupted' && !isFinalState(end))) return;
  await settle(folder, (state) => (state.status === written.status ? end : null));
}

/**
 * Sets the state of a run that nobody trains, unless it already has a final state. `stateFrom` returns null to leave it
 * unchanged.
 *
 * @returns the run's state, or null if someone trains it or it is unreadable
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

/** The request file reaches a trainer on any machine. A signal reaches one on this machine at once. */
async function requestEnd(folder: string, lease: Lease, request: EndRequest): Promise<void> {
  await replaceFile(endRequestPath(folder), request);
  // Windows has no signal for a polite request.
  if (lease.holder && process.platform !== 'win32' && (await isWithinReach(lease))) {
    signalProcess(lease.holder.pid, 'SIGTERM');
  }
}

/** Kills the process that holds a lease, with all descendants. Returns false if it is out of reach. */
async function killHolder(folder: string, lease: Lease): Promise<boolean> {
  if (!lease.holder || !(await isWithinReach(lease))) return false;
  await killTree(lease.holder.pid);
  return isGivenUp(folder, lease, GRACE_MS.network);
}

/** Whether, within the given time, a holder disappears, or one on another machine gives up the run. */
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
