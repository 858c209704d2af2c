import { readdir, readFile } from 'node:fs/promises';
import { win32 } from 'node:path';
import { execFile, spawn } from './children';

/**
 * Signals a process that leads its own group, and the whole group. No-op if they no longer exist. Windows has no
 * signals, so there it ends the process and its descendants.
 */
export function signalTree(pid: number, signal: NodeJS.Signals): void {
  if (process.platform === 'win32') {
    spawn(taskkillPath(), taskkillArguments(pid), { stdio: 'ignore' }).on('error', () => {});
    return;
  }
  try {
    signalProcess(-pid, signal);
  } catch (error) {
    // macOS reports this if only zombies are left of a group.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
  }
}

/**
 * Kills a process, its group, and descendants that left the group if their ancestry is still known. It is lost when a
 * process in between has ended.
 */
export async function killTree(pid: number): Promise<void> {
  if (process.platform === 'win32') return endTree(pid);
  const others = await descendantsOf(pid);
  signalTree(pid, 'SIGKILL');
  for (const other of [pid, ...others]) signalProcess(other, 'SIGKILL');
}

/**
 * Ends a process and its descendants on Windows, and waits for the program that does it: Windows would end that program
 * together with this process.
 *
 * @param program the path of taskkill
 */
export async function endTree(pid: number, program: string = taskkillPath()): Promise<void> {
  // It fails if the process has ended.
  await execFile(program, taskkillArguments(pid)).catch(() => {});
}

/**
 * Kills the rest of a group after its leader ended and was reaped. No-op on Windows, which has no groups: there another
 * process may have the id by now.
 */
export function killGroupOfEnded(pid: number, platform: NodeJS.Platform = process.platform): void {
  if (platform !== 'win32') signalTree(pid, 'SIGKILL');
}

/** Signals one process. No-op if it no longer exists. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/**
 * Ids of the other processes of this user that have all these variables in the environment that they were started with.
 * Processes inherit it, so descendants are found whatever their parents and groups are now. Only Linux tells it. Empty
 * elsewhere.
 */
export async function processesWithVariables(variables: Readonly<Record<string, string>>): Promise<number[]> {
  if (process.platform !== 'linux') return [];
  const entries = Object.entries(variables).map(([name, value]) => Buffer.from(`\0${name}=${value}\0`));
  const pids = (await numbersIn('/proc')).filter((pid) => pid !== process.pid);
  const found = await Promise.all(
    pids.map(async (pid) => {
      // A zombie has no environment, and another user's cannot be read.
      const environment = await readFile(`/proc/${pid}/environ`).catch(() => null);
      if (!environment) return false;
      const delimited = Buffer.concat([Buffer.alloc(1), environment]);
      return entries.every((entry) => delimited.includes(entry));
    }),
  );
  return pids.filter((_, index) => found[index]);
}

/**
 * Returns how many processes Linux has ended for lack of memory since it started, in all containers of the machine. Null
 * on other systems, and where Linux does not tell.
 *
 * @param counters the file with Linux's counters
 */
export async function memoryKills(counters = '/proc/vmstat'): Promise<number | null> {
  const text = await readFile(counters, 'utf8').catch(() => '');
  const [, count] = /^oom_kill (\d+)$/m.exec(text) ?? [];
  return count === undefined ? null : Number(count);
}

/** Whether a process with this id exists. Zombies count. */
export function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is running as another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Ids of all descendants of `pid`. */
async function descendantsOf(pid: number): Promise<number[]> {
  const parents =
    process.platform === 'linux' ? await linuxParents() : parentsIn(await ps('-A', '-o', 'pid=,ppid='));
  return descendantsAmong(parents, pid);
}

/**
 * Path of `taskkill` on Windows. A bare name would start any program with that name in the working directory or on the
 * PATH.
 */
export function taskkillPath(env: NodeJS.ProcessEnv = process.env): string {
  return win32.join(env.SystemRoot ?? 'C:\\Windows', 'System32', 'taskkill.exe');
}

/** Arguments to end a Windows process and its descendants: /T for its tree, /F even if it does not respond. */
export function taskkillArguments(pid: number): string[] {
  return ['/pid', `${pid}`, '/T', '/F'];
}

/**
 * Parses a process's start time from a line of `ps -o state=,lstart=`: the state's letters, then the date, such as "Ss
 * Thu Nov 26 12:00:16 2026". Returns the same as `processStart`.
 */
export function startIn(psLine: string): string | 'ended' | null {
  const [state, ...date] = psLine.trim().split(/\s+/);
  if (!state) return null;
  return state.startsWith('Z') ? 'ended' : date.join(' ');
}

/** Parses each process's parent from the lines of `ps -A -o pid=,ppid=`. */
export function parentsIn(psLines: string): Map<number, number> {
  const lines = psLines.split('\n').map((line) => line.trim().split(/\s+/));
  return new Map(lines.flatMap(([pid, parent]) => (pid && parent ? [[Number(pid), Number(parent)]] : [])));
}

/** Parses Linux's /proc/PID/stat. Null if it is malformed. */
export function linuxStatIn(text: string): LinuxStat | null {
  // The second field, the program's name, may contain spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, parent, startTicks] = [fields[0], fields[1], fields[19]];
  return state && parent && startTicks ? { state, parent: Number(parent), startTicks } : null;
}

/** All descendants of `pid`. */
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
  const pids = await numbersIn('/proc');
  const stats = await Promise.all(pids.map(async (pid) => [pid, await linuxStat(pid)] as const));
  return new Map(stats.flatMap(([pid, stat]) => (stat ? [[pid, stat.parent] as const] : [])));
}

/** The names in a folder that are numbers. */
async function numbersIn(folder: string): Promise<number[]> {
  return (await readdir(folder).catch(() => [])).filter((name) => /^\d+$/.test(name)).map(Number);
}

/** The output of `ps`, or empty if it fails. */
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
