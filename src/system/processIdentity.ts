/**
 * What tells one process from all others: its id, its start, and where ids like it count. What each system says of
 * that is read here, and nowhere else.
 */
import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { win32 } from 'node:path';
import { execFile } from './children';
import { linuxStatIn, processExists, startIn } from './processes';

/** How this module asks a system; a test answers in the place of one that it does not run on. */
export interface SystemAccess {
  readonly platform: NodeJS.Platform;
  readonly env: NodeJS.ProcessEnv;
  readonly host: string;
  readonly exists: (pid: number) => boolean;
  /** What a program prints; empty where it fails. */
  readonly output: (program: string, args: readonly string[]) => Promise<string>;
  /** What a file holds; empty where it cannot be read. */
  readonly text: (path: string) => Promise<string>;
  /** Where a link leads; empty where it cannot be read. */
  readonly link: (path: string) => Promise<string>;
}

const here: SystemAccess = {
  platform: process.platform,
  env: process.env,
  host: hostname(),
  exists: processExists,
  output: async (program, args) => {
    try {
      const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' };
      const { stdout } = await execFile(program, [...args], { env });
      return stdout.trim();
    } catch {
      return '';
    }
  },
  text: (path) => readFile(path, 'utf8').catch(() => ''),
  link: (path) => readlink(path).catch(() => ''),
};

/** Where a process id counts: only there does it name the same process. */
export interface ProcessSpace {
  /** The machine's or container's name, for people. macOS changes it with the network. */
  readonly host: string;
  /** An id that the machine keeps; containers may share it. Null where there is none. */
  readonly machine: string | null;
  /** Tells apart the machine's starts (Linux); null elsewhere. */
  readonly boot: string | null;
  /** The namespace of process ids (Linux, pid_namespaces(7)); null elsewhere. */
  readonly namespace: string | null;
}

let known: Promise<ProcessSpace> | undefined;

/** The space of this process. */
export function processSpace(): Promise<ProcessSpace> {
  known ??= readProcessSpace(here);
  return known;
}

/** The space that a system says this process is in. */
export async function readProcessSpace(system: SystemAccess): Promise<ProcessSpace> {
  const { host } = system;
  switch (system.platform) {
    case 'linux': {
      const [machine, boot, namespace] = await Promise.all([
        system.text('/etc/machine-id'),
        system.text('/proc/sys/kernel/random/boot_id'),
        system.link('/proc/self/ns/pid'),
      ]);
      return {
        host,
        machine: machine.trim() || null,
        boot: boot.trim() || null,
        namespace: namespace || null,
      };
    }
    case 'darwin': {
      const output = await system.output('/usr/sbin/ioreg', ['-rd1', '-c', 'IOPlatformExpertDevice']);
      const [, machine = null] = /"IOPlatformUUID" = "([^"]+)"/.exec(output) ?? [];
      return { host, machine, boot: null, namespace: null };
    }
    case 'win32': {
      const program = win32.join(system.env.SystemRoot ?? 'C:\\Windows', 'System32', 'reg.exe');
      const key = 'HKLM\\SOFTWARE\\Microsoft\\Cryptography';
      const output = await system.output(program, ['query', key, '/v', 'MachineGuid']);
      const [, machine = null] = /MachineGuid\s+REG_SZ\s+(\S+)/.exec(output) ?? [];
      return { host, machine, boot: null, namespace: null };
    }
    default:
      return { host, machine: null, boot: null, namespace: null };
  }
}

/** The namespace that a machine starts in (PROC_PID_INIT_INO in Linux's proc_ns.h). */
const FIRST_NAMESPACE = 'pid:[4026531836]';

/** How the space that a process was in stands to another one. */
export type SpaceRelation =
  /** An id names the same process in both. */
  | 'same'
  /** It is the same machine, started anew since: no process of it is left. */
  | 'ended'
  /** An id names another process, if any. */
  | 'other'
  | 'unknown';

/** How the space `there`, which an earlier release may have recorded in part, stands to `now`. */
export function relationOf(there: ProcessSpace, now: ProcessSpace): SpaceRelation {
  if (there.boot !== null && now.boot !== null) {
    if (there.boot === now.boot) {
      if (there.namespace === null || now.namespace === null) return 'unknown';
      return there.namespace === now.namespace ? 'same' : 'other';
    }
    const isOneMachine = there.machine !== null && there.machine === now.machine && there.host === now.host;
    // Within containers neither name says which machine it is.
    const areFirst = there.namespace === FIRST_NAMESPACE && now.namespace === FIRST_NAMESPACE;
    return isOneMachine && areFirst ? 'ended' : 'other';
  }
  if (there.boot !== now.boot) return 'other';
  if (there.namespace !== now.namespace) return 'other';
  if (there.machine !== null && now.machine !== null) return there.machine === now.machine ? 'same' : 'other';
  return there.host === now.host ? 'unknown' : 'other';
}

/**
 * When a process started, in its system's own words, which tells apart two uses of one id: clock ticks since the
 * machine's start on Linux (proc(5), stat's field 22), a date on macOS, 100 ns since 1601 on Windows. None of them
 * moves with the machine's clock.
 *
 * @returns 'ended' for one that is over or a zombie; null where the system does not tell
 */
export async function processStart(
  pid: number,
  system: SystemAccess = here,
): Promise<string | 'ended' | null> {
  if (!system.exists(pid)) return 'ended';
  switch (system.platform) {
    case 'linux': {
      const stat = linuxStatIn(await system.text(`/proc/${pid}/stat`));
      if (!stat) return system.exists(pid) ? null : 'ended';
      return stat.state === 'Z' ? 'ended' : stat.startTicks;
    }
    case 'darwin':
      return startIn(await system.output('/bin/ps', ['-o', 'state=,lstart=', '-p', `${pid}`]));
    case 'win32':
      return windowsStart(pid, system);
    default:
      return null;
  }
}

/** How long Windows' answer is taken for that of the same id's process: PowerShell takes half a second for it. */
const REMEMBER_MS = 10_000;

const remembered = new Map<number, { readonly at: number; readonly start: Promise<string | null> }>();

/** As `processStart`, for one who asks again and again: on Windows what it said in the last ten seconds. */
export async function recentProcessStart(
  pid: number,
  system: SystemAccess = here,
): Promise<string | 'ended' | null> {
  if (system.platform !== 'win32') return processStart(pid, system);
  if (!system.exists(pid)) {
    remembered.delete(pid);
    return 'ended';
  }
  const old = remembered.get(pid);
  if (old && performance.now() - old.at < REMEMBER_MS) return old.start;
  const start = windowsStart(pid, system);
  remembered.set(pid, { at: performance.now(), start });
  return start;
}

async function windowsStart(pid: number, system: SystemAccess): Promise<string | null> {
  const folder = win32.join(system.env.SystemRoot ?? 'C:\\Windows', 'System32', 'WindowsPowerShell', 'v1.0');
  const output = await system.output(win32.join(folder, 'powershell.exe'), [
    ...['-NoProfile', '-NonInteractive', '-Command'],
    `(Get-Process -Id ${pid}).StartTime.ToFileTimeUtc()`,
  ]);
  return /^\d+$/.test(output) ? output : null;
}
