/** Determines who can change a file, on systems with owners, groups and modes. */

/** A file's ownership as `lstat` reports it. */
export interface FileOwnership {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  readonly isLink: boolean;
}

export interface User {
  readonly uid: number;
  /** The groups without other members, except root. */
  readonly ownGroups: ReadonlySet<number>;
}

/** Someone other than this user and root who can change a file. */
export type OtherWriter =
  | { readonly kind: 'owner'; readonly uid: number }
  | { readonly kind: 'group'; readonly gid: number }
  | { readonly kind: 'everyone' };

const ROOT = 0;
const STICKY = 0o1000;
const GROUP_WRITES = 0o020;
const OTHERS_WRITE = 0o002;

/**
 * Determines who else can change a file, or null if nobody can. An access control list appears as the group bits of the
 * mode, and is indistinguishable from them.
 *
 * @param isAbove whether it is a folder on the way to the file. If it is sticky, like /tmp, others can add files but
 *   not change existing ones.
 */
export function otherWriter(file: FileOwnership, user: User, isAbove: boolean): OtherWriter | null {
  const { uid, gid, mode, isLink } = file;
  if (uid !== user.uid && uid !== ROOT) return { kind: 'owner', uid };
  // A symbolic link's mode means nothing: to change the link, one must be able to change its folder.
  if (isLink || (isAbove && (mode & STICKY) !== 0)) return null;
  if ((mode & OTHERS_WRITE) !== 0) return { kind: 'everyone' };
  return (mode & GROUP_WRITES) !== 0 && !user.ownGroups.has(gid) ? { kind: 'group', gid } : null;
}

/**
 * The groups without members other than a user and root, parsed from /etc/group and /etc/passwd. An unlisted group
 * counts as shared.
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
