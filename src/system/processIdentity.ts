/**
 * Identifies a process: by its id, its start time, and the scope of its id. Only this file knows what each system
 * reports about them.
 */

import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { win32 } from 'node:path';
import { z } from 'zod';
import { execFile } from './children';
import { linuxStatIn, processExists, startIn } from './processes';

/** This module's access to the system. Tests use it to imitate other systems. */
export interface SystemAccess {
  readonly platform: NodeJS.Platform;
  readonly env: NodeJS.ProcessEnv;
  readonly host: string;
  readonly exists: (pid: number) => boolean;
  /** A program's output, or empty if it fails. */
  readonly output: (program: string, args: readonly string[]) => Promise<string>;
  /** A file's content, or empty if it cannot be read. */
  readonly text: (path: string) => Promise<string>;
  /** A symbolic link's target, or empty if it cannot be read. */
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

/** The scope of a process id: only within it does the id name the same process. */
export const processSpaceSchema = z
  .object({
    /** Name of the machine or container, for the user. On macOS it changes with the network. */
    host: z.string(),
    /** A permanent id of the machine, which containers may share. Null if there is none. */
    machine: z.string().nullable(),
    /** Identifies the current boot of the machine on Linux. Null elsewhere. */
    boot: z.string().nullable(),
    /** The process id namespace on Linux (pid_namespaces(7)). Null elsewhere. */
    namespace: z.string().nullable(),
  })
  .readonly();
export type ProcessSpace = z.infer<typeof processSpaceSchema>;

let known: Promise<ProcessSpace> | undefined;

/** The space of this process. */
export function processSpace(): Promise<ProcessSpace> {
  known ??= readProcessSpace(here);
  return known;
}

/** Reads the process space from a system. */
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

/** The initial namespace of a machine (PROC_PID_INIT_INO in Linux's proc_ns.h). */
const FIRST_NAMESPACE = 'pid:[4026531836]';

/** The relation of a process's space to another space. */
export type SpaceRelation =
  /** An id names the same process in both. */
  | 'same'
  /** The same machine has rebooted since, so none of its earlier processes is left. */
  | 'ended'
  /** An id names a different process, if any. */
  | 'other'
  | 'unknown';

/** Relates the space `there`, which an earlier release may have recorded in part, to `now`. */
export function relationOf(there: ProcessSpace, now: ProcessSpace): SpaceRelation {
  if (there.boot !== null && now.boot !== null) {
    if (there.boot === now.boot) {
      if (there.namespace === null || now.namespace === null) return 'unknown';
      return there.namespace === now.namespace ? 'same' : 'other';
    }
    const isOneMachine = there.machine !== null && there.machine === now.machine && there.host === now.host;
    // In a container, neither name identifies the machine.
    const areFirst = there.namespace === FIRST_NAMESPACE && now.namespace === FIRST_NAMESPACE;
    return isOneMachine && areFirst ? 'ended' : 'other';
  }
  if (there.boot !== now.boot) return 'other';
  if (there.namespace !== now.namespace) return 'other';
  if (there.machine !== null && now.machine !== null) return there.machine === now.machine ? 'same' : 'other';
  return there.host === now.host ? 'unknown' : 'other';
}

/**
 * The start time of a process in its system's own format, which distinguishes two uses of the same id: clock ticks
 * since boot on Linux (proc(5), field 22 of stat), a date on macOS, 100 ns units since 1601 on Windows. None of them
 * changes with the machine's clock.
 *
 * @returns 'ended' for a finished process or a zombie, or null if the system does not report it
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

/** How long to reuse Windows' answer for the same process id, because PowerShell is slow. See docs/performance.md. */
const REMEMBER_MS = 10_000;

const remembered = new Map<number, { readonly at: number; readonly start: Promise<string | null> }>();

/** Like `processStart`, for frequent callers: on Windows it reuses answers of the last ten seconds. */
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
