import type { RunLibrary } from '../views/runLibrary';
import { runDescription } from '../views/runText';
import type { RunReference } from './quickFixes';

/** The runs that were trained to their end, newest first. */
export function finishedRuns({ runs }: RunLibrary): RunReference[] {
  return runs.flatMap((run) =>
    run.kind === 'run' && run.manifest.state.status === 'done'
      ? [{ id: run.id, description: `${run.manifest.recipe.model.name}, ${runDescription(run)}` }]
      : [],
  );
}
