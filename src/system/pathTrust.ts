import { lstatSync, readFileSync, readlinkSync } from 'node:fs';
import { dirname, join, parse, resolve, sep } from 'node:path';
import { type OtherWriter, otherWriter, ownGroupsIn, type User } from './ownership';

/** A place on the way to a file that others can change. */
export interface UntrustedPlace {
  readonly path: string;
  readonly writer: OtherWriter;
}

let known: User | null | undefined;

/** This process's user. Null on Windows, where Node reports no file owners. */
export function currentUser(): User | null {
  if (known?.uid !== process.geteuid?.()) known = undefined;
  known ??= readUser();
  return known;
}

function readUser(): User | null {
  const uid = process.geteuid?.();
  if (uid === undefined) return null;
  return { uid, ownGroups: ownGroupsIn(textOf('/etc/group'), textOf('/etc/passwd'), uid) };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

const MAX_LINKS = 40;

/**
 * Walks to files like the system, through every folder and symbolic link, and finds what anyone other than a user and
 * root can change. Remembers trusted places.
 */
export class PathTrust {
  readonly #trusted = new Set<string>();

  constructor(readonly user: User) {}

  /**
   * The first place on the way to a file that others can change, including the file itself. Null if there is none.
   *
   * @throws the file system's error, for example for a dangling link
   */
  untrustedPlace(path: string): UntrustedPlace | null {
    const { root } = parse(resolve(path));
    let [at, links] = [root, 0];
    let rest = partsOf(resolve(path));
    const rootProblem = this.#problemAt(root, rest.length > 0);
    if (rootProblem) return rootProblem;
    while (rest.length > 0) {
      const [part = '', ...after] = rest;
      rest = after;
      if (part === '..') {
        at = dirname(at);
        continue;
      }
      const next = join(at, part);
      const problem = this.#problemAt(next, rest.length > 0);
      if (problem) return problem;
      if (!lstatSync(next).isSymbolicLink()) {
        at = next;
        continue;
      }
      if (++links > MAX_LINKS) throw Object.assign(new Error(`ELOOP: ${path}`), { code: 'ELOOP', path });
      const target = readlinkSync(next);
      if (target.startsWith(sep)) at = root;
      rest = [...partsOf(target), ...rest];
    }
    return null;
  }

  #problemAt(path: string, isAbove: boolean): UntrustedPlace | null {
    const key = `${isAbove} ${path}`;
    if (this.#trusted.has(key)) return null;
    const found = lstatSync(path);
    const { uid, gid, mode } = found;
    const writer = otherWriter({ uid, gid, mode, isLink: found.isSymbolicLink() }, this.user, isAbove);
    if (writer) return { path, writer };
    this.#trusted.add(key);
    return null;
  }
}

function partsOf(path: string): string[] {
  return path.split(sep).filter((part) => part !== '' && part !== '.');
}
