import type { RunReference } from '../../insight/quickFixes';
import { runDescription } from '../views/runText';
import type { RunLibrary } from './runLibrary';

/** The runs of a store that were trained to their end, newest first: an experiment names those of its own store. */
export function finishedRuns({ runs }: RunLibrary, root: string): RunReference[] {
  return runs.flatMap((run) =>
    run.root === root && run.kind === 'run' && run.manifest.state.status === 'done'
      ? [{ id: run.id, description: `${run.manifest.recipe.model.name}, ${runDescription(run)}` }]
      : [],
  );
}
