/**
 * Ends what earlier attempts at a run left running. If a trainer is killed, its guard ends the command. The next attempt
 * makes sure of that before it starts the command again.
 */
import { setTimeout as delay } from 'node:timers/promises';
import * as l10n from '@vscode/l10n';
import { commandProcesses, processesOfAttempt } from '../runs/lease/commandProcesses';
import { UserError } from '../shared/userError';
import { killTree } from '../system/processes';

/** How long killed processes may take to end. One that a driver holds may never end. */
const END_MS = 30_000;
const POLL_MS = 20;

/**
 * Kills every process on this machine that earlier attempts' commands left, and waits until all have ended.
 *
 * @returns whether there was any
 * @throws UserError if one does not end
 */
export function endEarlierCommands(runFolder: string): Promise<boolean> {
  return endAll(() => commandProcesses(runFolder));
}

/**
 * Kills every process that an attempt's command left, and waits until all have ended. It must have ended itself, or its
 * trainer must have ended.
 *
 * @throws UserError if one does not end
 */
export async function endCommand(runFolder: string, attempt: number): Promise<void> {
  await endAll(() => processesOfAttempt(runFolder, attempt));
}

async function endAll(find: () => Promise<readonly number[]>): Promise<boolean> {
  const until = performance.now() + END_MS;
  for (let found = false; ; found = true) {
    const pids = await find();
    const [first] = pids;
    if (first === undefined) return found;
    for (const pid of pids) await killTree(pid);
    if (performance.now() > until) throw remainsError(first);
    await delay(POLL_MS);
  }
}

function remainsError(pid: number): UserError {
  return new UserError({
    what: l10n.t('The process {0} of an earlier attempt at this run cannot be ended.', pid),
    remedy: l10n.t('End it, then resume the run.'),
  });
}
