import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import * as l10n from '@vscode/l10n';
import { assertNever } from '../shared/assertNever';
import { type Failure, messageOf } from '../shared/failure';
import type { User } from '../system/ownership';
import { PathTrust, type UntrustedPlace } from '../system/pathTrust';

/** A CUDA installation has about 50 files. */
const MAX_ENTRIES = 10_000;

/**
 * Explains why nothing in a folder may be loaded, and how to fix it: users other than this one and root can change it,
 * its contents, or a folder or link on the path to it. Null if nobody else can.
 *
 * @param parts the subfolders that contain the loaded files; defaults to the whole folder
 */
export function untrusted(folder: string, user: User, parts: readonly string[] = ['']): Failure | null {
  const trust = new PathTrust(user);
  try {
    const place = trust.untrustedPlace(folder) ?? firstUntrusted(trust, folder, parts);
    return (
      place && {
        what: l10n.t(
          '{0} is not loaded, because others could change code that then runs as you: {1}',
          folder,
          placeText(place),
        ),
        remedy: l10n.t('Change its owner and permissions so that only you can write there, or remove it.'),
      }
    );
  } catch (error) {
    return {
      what: l10n.t(
        '{0} is not loaded, because it is unknown who can change it: {1}.',
        folder,
        messageOf(error),
      ),
      remedy: l10n.t('Reinstall it, or remove it.'),
    };
  }
}

function firstUntrusted(trust: PathTrust, folder: string, parts: readonly string[]): UntrustedPlace | null {
  let entries = 0;
  const pending = parts.map((part) => join(folder, part)).filter((path) => existsSync(path));
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const place = trust.untrustedPlace(path);
    if (place) return place;
    if (++entries > MAX_ENTRIES) throw new Error(l10n.t('it has more than {0} files', MAX_ENTRIES));
    for (const name of entriesOf(path)) pending.push(join(path, name));
  }
  return null;
}

/** Returns the names in a folder, following links; empty if it is not a folder. */
function entriesOf(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return [];
    throw error;
  }
}

function placeText({ path, writer }: UntrustedPlace): string {
  switch (writer.kind) {
    case 'owner':
      return l10n.t('{0} belongs to another user (id {1}).', path, writer.uid);
    case 'group':
      return l10n.t('The group {1} can change {0}, and the group is not yours alone.', path, writer.gid);
    case 'everyone':
      return l10n.t('Every user of this machine can change {0}.', path);
    default:
      return assertNever(writer);
  }
}
