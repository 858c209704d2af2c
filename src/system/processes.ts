import { readdir, readFile } from 'node:fs/promises';
import { win32 } from 'node:path';
import { execFile, spawn } from './children';

/**
 * Signals a process that leads a group of its own, and all that it started; nothing where they are gone. On
 * Windows, which has no signals, it ends them.
 */
export function signalTree(pid: number, signal: NodeJS.Signals): void {
  if (process.platform === 'win32') {
    spawn(taskkillPath(), taskkillArguments(pid), { stdio: 'ignore' }).on('error', () => {});
    return;
  }
  try {
    signalProcess(-pid, signal);
  } catch (error) {
    // macOS's answer where all that is left of a group has ended and waits to be collected.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
  }
}

/**
 * Kills a process, its group, and what left the group too, for as long as it can be told whose child it was:
 * that of a process that is gone can not.
 */
export async function killTree(pid: number): Promise<void> {
  const others = process.platform === 'win32' ? [] : await descendantsOf(pid);
  signalTree(pid, 'SIGKILL');
  if (process.platform === 'win32') return;
  for (const other of [pid, ...others]) signalProcess(other, 'SIGKILL');
}

/**
 * Kills what is left of the group that a process led which has ended and was collected. Not on Windows, which knows
 * no groups: there the id may be another process's by now.
 */
export function killGroupOfEnded(pid: number, platform: NodeJS.Platform = process.platform): void {
  if (platform !== 'win32') signalTree(pid, 'SIGKILL');
}

/** Signals one process; nothing where it is gone. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Whether there is a process of this id; one that ended and was not collected counts where it can't be told. */
export function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, as another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * When a process started, in its system's own words, which tells apart two uses of one id: clock ticks since the
 * machine's start on Linux (proc(5), stat's field 22), a date on macOS. Neither moves with the machine's clock.
 *
 * @returns 'ended' for one that is over or a zombie; null where the system does not tell, as on Windows
 */
export async function processStart(pid: number): Promise<string | 'ended' | null> {
  if (!processExists(pid)) return 'ended';
  switch (process.platform) {
    case 'linux': {
      const stat = await linuxStat(pid);
      if (!stat) return processExists(pid) ? null : 'ended';
      return stat.state === 'Z' ? 'ended' : stat.startTicks;
    }
    case 'darwin':
      return startIn(await ps('-o', 'state=,lstart=', '-p', `${pid}`));
    default:
      return null;
  }
}

/** Ids of the processes that `pid` started, and those started, and so on. */
async function descendantsOf(pid: number): Promise<number[]> {
  const parents =
    process.platform === 'linux' ? await linuxParents() : parentsIn(await ps('-A', '-o', 'pid=,ppid='));
  return descendantsAmong(parents, pid);
}

/**
 * Where Windows keeps `taskkill`: a name alone would start whatever program of that name lies in the current folder or
 * on the PATH.
 */
export function taskkillPath(env: NodeJS.ProcessEnv = process.env): string {
  return win32.join(env.SystemRoot ?? 'C:\\Windows', 'System32', 'taskkill.exe');
}

/** What ends a process of Windows and all that it started: /T its tree, /F though it does not answer. */
export function taskkillArguments(pid: number): string[] {
  return ['/pid', `${pid}`, '/T', '/F'];
}

/**
 * A process's start in a line of `ps -o state=,lstart=`: the state's letters, then the date, such as
 * "Ss   Thu Nov 26 12:00:16 2026"; as `processStart` tells it.
 */
export function startIn(psLine: string): string | 'ended' | null {
  const [state, ...date] = psLine.trim().split(/\s+/);
  if (!state) return null;
  return state.startsWith('Z') ? 'ended' : date.join(' ');
}

/** Each process's parent in the lines of `ps -A -o pid=,ppid=`. */
export function parentsIn(psLines: string): Map<number, number> {
  const lines = psLines.split('\n').map((line) => line.trim().split(/\s+/));
  return new Map(lines.flatMap(([pid, parent]) => (pid && parent ? [[Number(pid), Number(parent)]] : [])));
}

/** What Linux's /proc/PID/stat says; null for what is none. */
export function linuxStatIn(text: string): LinuxStat | null {
  // The second field, the program's name, may hold spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, parent, startTicks] = [fields[0], fields[1], fields[19]];
  return state && parent && startTicks ? { state, parent: Number(parent), startTicks } : null;
}

/** Those that `pid` started, and those started, and so on. */
export function descendantsAmong(parents: ReadonlyMap<number, number>, pid: number): number[] {
  const found = new Set<number>();
  for (let generation = [pid]; generation.length > 0; ) {
    generation = [...parents]
      .filter(([child, parent]) => generation.includes(parent) && !found.has(child) && child !== pid)
      .map(([child]) => child);
    for (const child of generation) found.add(child);
  }
  return [...found];
}

interface LinuxStat {
  readonly state: string;
  readonly parent: number;
  readonly startTicks: string;
}

async function linuxStat(pid: number): Promise<LinuxStat | null> {
  try {
    return linuxStatIn(await readFile(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return null;
  }
}

async function linuxParents(): Promise<Map<number, number>> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name)).map(Number);
  const stats = await Promise.all(pids.map(async (pid) => [pid, await linuxStat(pid)] as const));
  return new Map(stats.flatMap(([pid, stat]) => (stat ? [[pid, stat.parent] as const] : [])));
}

/** What `ps` prints; nothing where it fails. */
async function ps(...args: string[]): Promise<string> {
  try {
    const { stdout } = await execFile('/bin/ps', args, {
      env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
    });
    return stdout.trim();
  } catch {
    return '';
  }
}
