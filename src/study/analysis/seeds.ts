import type { UsedRun } from './input';

/** The parts of a run that tell whether it is a copy. */
export type ComparedRun = Pick<UsedRun, 'setting' | 'seed' | 'value' | 'correct' | 'loss' | 'digits'>;

/**
 * Minimum number of agreeing pairs if only the metric is available. With few images, accuracies agree by chance now and
 * then.
 */
const LEAST_PAIRS = 3;

/**
 * Whether runs of one setting agree in every digit despite different seeds, which suggests that the trainer ignores
 * seeds. All pairs of runs must agree. One pair is enough if its loss, or a metric that is not a share of images,
 * agrees too.
 */
export function areSeedsIgnored(runs: readonly ComparedRun[], isAccuracy: boolean): boolean {
  const bySetting = new Map<string, ComparedRun[]>();
  for (const run of runs) {
    const key = run.setting.join();
    const others = bySetting.get(key);
    if (others) others.push(run);
    else bySetting.set(key, [run]);
  }
  let pairs = 0;
  let isSure = false;
  for (const alike of bySetting.values()) {
    const [first] = alike;
    for (const run of alike.slice(1)) {
      if (!first || run.seed === first.seed) continue;
      if (!agree(run, first)) return false;
      pairs++;
      isSure ||= !isAccuracy || (run.loss !== null && first.loss !== null);
    }
  }
  return pairs >= LEAST_PAIRS || (pairs > 0 && isSure);
}

function agree(a: ComparedRun, b: ComparedRun): boolean {
  if (a.value !== b.value) return false;
  if (a.digits !== null && b.digits !== null && a.digits !== b.digits) return false;
  if (a.loss !== null && b.loss !== null && a.loss !== b.loss) return false;
  const [first, second] = [a.correct, b.correct];
  return (
    !first ||
    !second ||
    (first.length === second.length && first.every((answer, image) => answer === second[image]))
  );
}
