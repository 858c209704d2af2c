import type { RunReference } from '../../insight/quickFixes';
import { recipeFacts } from '../../recipe/anyRecipe';
import { runDescription } from '../views/runText';
import type { RunLabels } from './labels';
import type { RunLibrary } from './runLibrary';

/** The finished runs of a store, newest first. An experiment can only name runs of its own store. */
export function finishedRuns({ runs }: RunLibrary, labels: RunLabels, root: string): RunReference[] {
  return runs.flatMap((run) => {
    if (run.root !== root || run.kind !== 'run' || run.manifest.state.status !== 'done') return [];
    const facts = [labels.of(run).full, recipeFacts(run.manifest.recipe).model, runDescription(run)];
    return [{ id: run.id, description: facts.filter((fact) => fact !== null).join(', ') }];
  });
}
