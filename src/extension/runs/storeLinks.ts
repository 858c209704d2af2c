import * as vscode from 'vscode';
import { allowFolder } from '../../system/allowedFolders';
import { type StoreLink, storeLinkError, storeLinksToAllow } from '../../system/storeConsent';
import { asks } from '../messages';

/**
 * Asks, once per link, about stores that are symbolic links. Until the user consents, nothing is read or written there.
 */
export class StoreLinks {
  readonly #asked = new Set<string>();

  constructor(private readonly log: vscode.LogOutputChannel) {}

  /** Whether the store of `root` may be read. If the user has to consent first, calls `onAllowed` after they do. */
  async mayRead(root: string, onAllowed: () => void): Promise<boolean> {
    const [link] = await storeLinksToAllow(root);
    if (!link) return true;
    if (!this.#asked.has(link.path)) {
      this.#asked.add(link.path);
      this.log.warn(storeLinkError(link).message);
      void this.#ask(link, onAllowed);
    }
    return false;
  }

  async #ask({ path, target }: StoreLink, onAllowed: () => void): Promise<void> {
    const allow = vscode.l10n.t('Allow');
    const question = vscode.l10n.t('{0} is a link to {1}. Allow runs to be stored there?', path, target);
    if (!(await asks('warning', question, allow))) return;
    await allowFolder(target);
    onAllowed();
  }
}
