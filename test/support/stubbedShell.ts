import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A real shell in which training programs only record their arguments. */

const PROGRAMS = ['torchrun', 'python', 'python3', 'accelerate', 'srun', 'distributed_train.sh'];

/** A program's name and its arguments. */
export type Call = readonly string[];

/**
 * Runs a bash script and returns its calls of the training programs. Its standard output and standard error are
 * discarded. Throws if the script fails.
 */
export function callsOf(script: string, environment: Readonly<Record<string, string>> = {}): Call[] {
  const folder = mkdtempSync(join(tmpdir(), 'calls-'));
  try {
    mkdirSync(join(folder, 'bin'));
    for (const name of PROGRAMS) {
      const path = join(folder, 'bin', name);
      // One write per call, because the commands of a pipe run concurrently.
      writeFileSync(path, `#!/bin/sh\nprintf '%s\\0' "$#" ${name} "$@" >> '${folder}/calls'\n`);
      chmodSync(path, 0o755);
      copyFileSync(path, join(folder, name));
    }
    writeFileSync(join(folder, 'train.sh'), script);
    writeFileSync(join(folder, 'calls'), '');
    const syntax = spawnSync('bash', ['-n', 'train.sh'], { cwd: folder });
    if (syntax.status !== 0) throw new Error(`bash -n: ${syntax.stderr}\n${script}`);
    const { status, stderr } = spawnSync('bash', ['train.sh'], {
      cwd: folder,
      env: { ...environment, PATH: `${join(folder, 'bin')}:/usr/bin:/bin` },
    });
    if (status !== 0) throw new Error(`bash: ${stderr}\n${script}`);
    const words = readFileSync(join(folder, 'calls'), 'utf8').split('\0').slice(0, -1);
    const calls: Call[] = [];
    while (words.length > 0) calls.push(words.splice(0, Number(words[0]) + 2).slice(1));
    return calls;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
