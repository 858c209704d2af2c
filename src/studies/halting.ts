import { cancelQueued } from '../runs/queue';
import { pauseByLease, stopByLease } from '../runs/stopping';
import { readRun, runFolder } from '../runs/store';

/**
 * Ends runs of a study that wait or train: what waits is taken out of the queue, and what trains ends after its step with a
 * checkpoint.
 *
 * @param how `pause` where the study is to go on, `stop` where it is not
 * @throws the file system's error
 */
export async function haltRuns(root: string, ids: readonly string[], how: 'pause' | 'stop'): Promise<void> {
  // All that waits first, so that none of it starts when another ends.
  const entries = await Promise.all(ids.map((id) => readRun(runFolder(root, id))));
  for (const entry of entries) {
    if (entry.kind === 'run' && entry.manifest.state.status === 'queued') await cancelQueued(entry.folder);
  }
  await Promise.all(
    entries.map(async ({ folder }) => {
      const now = await readRun(folder);
      if (now.kind === 'broken') return;
      const { status } = now.manifest.state;
      // One that waits still has a trainer by now, which has not said so. One that ended by itself needs no more than that.
      if (status === 'running' || status === 'queued') {
        await (how === 'pause' ? pauseByLease : stopByLease)(folder);
      }
    }),
  );
}
