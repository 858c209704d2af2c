import { statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { foldedPath } from '../../system/samePath';
import { runsFolder } from '../store';

/** How often the folder of runs is looked at. File watchers would be faster, but drop what comes and goes within their own pauses. */
const POLL_MS = 500;

/** Whoever changes a run's state touches the folder of runs: `hasChanged` says whether that was done since the last look. */
type OnLook = (hasChanged: boolean) => void;

/** By store: one poll, however many watch it. */
const watches = new Map<string, StoreWatch>();

/**
 * Looks every half second whether runs of the store of `root` came, went or changed their state.
 *
 * @returns what ends that
 */
export function watchStore(root: string, onLook: OnLook): () => void {
  const key = foldedPath(root);
  const watch = watches.get(key) ?? new StoreWatch(root, () => watches.delete(key));
  watches.set(key, watch);
  return watch.add(onLook);
}

class StoreWatch {
  readonly #listeners = new Set<{ readonly onLook: OnLook }>();
  readonly #timer: NodeJS.Timeout;
  #time: number;

  constructor(
    private readonly root: string,
    private readonly onClose: () => void,
  ) {
    // At once: what changes after this returns is seen to have changed.
    this.#time = timeNow(root);
    this.#timer = setInterval(() => void this.#look(), POLL_MS).unref();
  }

  add(onLook: OnLook): () => void {
    const listener = { onLook };
    this.#listeners.add(listener);
    return () => {
      if (!this.#listeners.delete(listener) || this.#listeners.size > 0) return;
      clearInterval(this.#timer);
      this.onClose();
    };
  }

  async #look(): Promise<void> {
    const time = await stat(runsFolder(this.root)).then(
      ({ mtimeMs }) => mtimeMs,
      () => 0,
    );
    const hasChanged = time !== this.#time;
    this.#time = time;
    for (const { onLook } of this.#listeners) onLook(hasChanged);
  }
}

/** When the folder of runs changed last, in milliseconds since 1970; 0 where there is none. */
function timeNow(root: string): number {
  try {
    return statSync(runsFolder(root)).mtimeMs;
  } catch {
    return 0;
  }
}
