import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import * as l10n from '@vscode/l10n';
import { assertNever } from '../shared/assertNever';
import { type Failure, messageOf } from '../shared/failure';
import type { User } from '../system/ownership';
import { PathTrust, type UntrustedPlace } from '../system/pathTrust';

/** An installation for CUDA has some 50 files. */
const MAX_ENTRIES = 10_000;

/**
 * Why nothing in a folder may be loaded, and what to do: others than a user and root can change it, what is in it, or a
 * folder or link on the way there. Null where nobody else can.
 *
 * @param parts The folders in it that have what is loaded; the whole by default.
 */
export function untrusted(folder: string, user: User, parts: readonly string[] = ['']): Failure | null {
  const trust = new PathTrust(user);
  try {
    const place = trust.untrustedPlace(folder) ?? firstUntrusted(trust, folder, parts);
    return (
      place && {
        what: l10n.t(
          '{0} is not loaded, since others could change what then runs as you: {1}',
          folder,
          placeText(place),
        ),
        remedy: l10n.t('Make it yours, so that nobody else can write there, or remove it.'),
      }
    );
  } catch (error) {
    return {
      what: l10n.t(
        '{0} is not loaded, since it is not known who can change it: {1}.',
        folder,
        messageOf(error),
      ),
      remedy: l10n.t('Install it again, or remove it.'),
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

/** The names in a folder, or in the one that a link leads to; none in what is no folder. */
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
      return l10n.t('{0} belongs to another user, of the id {1}.', path, writer.uid);
    case 'group':
      return l10n.t('{0} can be changed by the group {1}, which is not yours alone.', path, writer.gid);
    case 'everyone':
      return l10n.t('{0} can be changed by every user of this machine.', path);
    default:
      return assertNever(writer);
  }
}
