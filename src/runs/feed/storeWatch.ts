import { statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { foldedPath } from '../../system/samePath';
import { runsFolder } from '../store';

/** Polling interval for the folder of the runs. File watchers are faster but lose changes within their own pauses. */
const POLL_MS = 500;

/** Writers touch `runs/` after each state change. `hasChanged` tells whether that happened since the last look. */
type OnLook = (hasChanged: boolean) => void;

/** By store: one poll for all its watchers. */
const watches = new Map<string, StoreWatch>();

/**
 * Checks every half second whether runs in the store of `root` have appeared, disappeared or changed state.
 *
 * @returns a function that stops the watch
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
    // Read the time synchronously, so that any change after this call returns is noticed.
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

/** Modification time of the folder of the runs in milliseconds since 1970, or 0 if there is none. */
function timeNow(root: string): number {
  try {
    return statSync(runsFolder(root)).mtimeMs;
  } catch {
    return 0;
  }
}
