import { cancelQueued } from '../runs/queue';
import { pauseByLease, stopByLease } from '../runs/stopping';
import { readRun, runFolder } from '../runs/store';

/**
 * Ends a study's queued and running runs. Queued runs leave the queue. Running ones end after their current step with a
 * checkpoint.
 *
 * @param how `pause` if the study is to resume, `stop` if not
 * @throws the file system's error
 */
export async function haltRuns(root: string, ids: readonly string[], how: 'pause' | 'stop'): Promise<void> {
  // Queued runs first, so that none of them starts when another ends.
  const entries = await Promise.all(ids.map((id) => readRun(runFolder(root, id))));
  for (const entry of entries) {
    if (entry.kind === 'run' && entry.manifest.state.status === 'queued') await cancelQueued(entry.folder);
  }
  await Promise.all(
    entries.map(async ({ folder }) => {
      const now = await readRun(folder);
      if (now.kind === 'broken') return;
      const { status } = now.manifest.state;
      // A queued run may already have a trainer that has not reported yet. A run that ended by itself needs nothing
      // more.
      if (status === 'running' || status === 'queued') {
        // The study goes on without the progress of a run whose command cannot resume.
        await (how === 'pause'
          ? pauseByLease(folder, undefined, { mayStartOver: true })
          : stopByLease(folder));
      }
    }),
  );
}
