import type { RunReference } from '../../insight/quickFixes';
import { runDescription } from '../views/runText';
import type { RunLibrary } from './runLibrary';

/** The runs that were trained to their end, newest first. */
export function finishedRuns({ runs }: RunLibrary): RunReference[] {
  return runs.flatMap((run) =>
    run.kind === 'run' && run.manifest.state.status === 'done'
      ? [{ id: run.id, description: `${run.manifest.recipe.model.name}, ${runDescription(run)}` }]
      : [],
  );
}
