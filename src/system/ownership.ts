/** Who can change a file, on systems whose files have an owner, a group and a mode. */

/** What `lstat` says of it. */
export interface FileOwnership {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  readonly isLink: boolean;
}

export interface User {
  readonly uid: number;
  /** The groups that nobody else is a member of, but root. */
  readonly ownGroups: ReadonlySet<number>;
}

/** Who else than this user and root can change a file. */
export type OtherWriter =
  | { readonly kind: 'owner'; readonly uid: number }
  | { readonly kind: 'group'; readonly gid: number }
  | { readonly kind: 'everyone' };

const ROOT = 0;
const STICKY = 0o1000;
const GROUP_WRITES = 0o020;
const OTHERS_WRITE = 0o002;

/**
 * Who else can change a file; null where nobody can. An access-control list shows in the mode's bits for the group, and
 * is not told from it.
 *
 * @param isAbove Whether it is a folder that is only gone through: where that is sticky, as /tmp is, others can add to it
 *   and change nothing of what is there.
 */
export function otherWriter(file: FileOwnership, user: User, isAbove: boolean): OtherWriter | null {
  const { uid, gid, mode, isLink } = file;
  if (uid !== user.uid && uid !== ROOT) return { kind: 'owner', uid };
  // A link's mode says nothing: only who can change the folder that it lies in can change it.
  if (isLink || (isAbove && (mode & STICKY) !== 0)) return null;
  if ((mode & OTHERS_WRITE) !== 0) return { kind: 'everyone' };
  return (mode & GROUP_WRITES) !== 0 && !user.ownGroups.has(gid) ? { kind: 'group', gid } : null;
}

/**
 * The groups that have no other members than a user and root, from the texts of /etc/group and /etc/passwd. A group that
 * they do not list counts as shared.
 */
export function ownGroupsIn(group: string, passwd: string, uid: number): Set<number> {
  const users = rowsOf(passwd).map(([name = '', , id, primary]) => ({
    name,
    isOwn: Number(id) === uid || Number(id) === ROOT,
    gid: Number(primary),
  }));
  const ownNames = new Set(users.filter(({ isOwn }) => isOwn).map(({ name }) => name));
  const own = rowsOf(group).filter(([, , gid, members = '']) => {
    const names = members.split(',').filter(Boolean);
    const isPrimaryOfOthers = users.some((user) => user.gid === Number(gid) && !user.isOwn);
    return names.every((name) => ownNames.has(name)) && !isPrimaryOfOthers;
  });
  const isMine = (gid: number, members: string) =>
    gid === ROOT ||
    users.some((user) => user.isOwn && user.gid === gid) ||
    members.split(',').some((name) => ownNames.has(name));
  return new Set(
    own.filter(([, , gid, members = '']) => isMine(Number(gid), members)).map(([, , gid]) => Number(gid)),
  );
}

function rowsOf(text: string): string[][] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(':'))
    .filter((fields) => /^\d+$/.test(fields[2] ?? ''));
}
