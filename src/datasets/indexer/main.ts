/**
 * The indexer, a separate process. `node dist/indexer.js` indexes the one data set that arrives over its IPC channel
 * (`ToIndexer`), reports progress, and exits.
 */

import { failureOf } from '../../system/errors';
import { assertAllowed, assertListedAllowed } from '../consent';
import { indexDataset } from '../index/scan';
import { dataCacheFolder } from '../requestPaths';
import type { FromIndexer, ToIndexer } from './messages';

/** Progress bars do not redraw more often. */
const PROGRESS_EVERY_MS = 100;

const cancelling = new AbortController();

process.on('disconnect', () => cancelling.abort());
process.on('message', (message: ToIndexer) => {
  if (message.type === 'cancel') cancelling.abort();
  else void index(message).then(leave);
});

/** Indexes a data set and returns the outcome. */
async function index({
  request,
  root,
  folder,
  mayReadAnywhere,
}: Extract<ToIndexer, { type: 'index' }>): Promise<FromIndexer> {
  let saidAt = 0;
  try {
    if (!mayReadAnywhere) await assertAllowed(request, { root, folder });
    await indexDataset(request, {
      root,
      folder,
      cacheFolder: dataCacheFolder(),
      signal: cancelling.signal,
      onProgress: (what, share) => {
        const now = performance.now();
        if (now - saidAt < PROGRESS_EVERY_MS) return;
        saidAt = now;
        say({ type: 'progress', what, share });
      },
      check: async (dataset) => {
        if (!mayReadAnywhere) await assertListedAllowed(dataset, root);
      },
    });
    return { type: 'done' };
  } catch (error) {
    return cancelling.signal.aborted ? { type: 'cancelled' } : { type: 'failed', failure: failureOf(error) };
  }
}

function say(message: FromIndexer, then: () => void = () => {}): void {
  // On a closed channel, nobody receives the message.
  if (process.connected) process.send?.(message, undefined, undefined, then);
  else then();
}

function leave(end: FromIndexer): void {
  say(end, () => process.exit());
}
