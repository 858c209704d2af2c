/**
 * The output of the Trainer of Hugging Face's Transformers (checked with 5.24; version 4 prints numbers, not texts). Steps
 * come from what it prints, with four digits. Evaluations come from there too, and with all digits from
 * trainer_state.json, which is saved with each checkpoint. An epoch is a fraction there: 1.5 is in the middle of the
 * second. Accuracies are fractions, as metrics of `evaluate` are.
 */
import { parseJson } from '../../shared/parseJson';
import { isMapping } from '../../shared/values';
import { withWords } from './jsonLines';
import { MAX_KNOWN_LENGTH } from './lines';
import { countOf, keysByName, metricsFrom, numberIn } from './metrics';
import type { OutputReader, OutputSource, Reading } from './reading';

const keyOf = keysByName({
  loss: 'loss',
  learning_rate: 'learningRate',
  eval_loss: 'validationLoss',
  eval_accuracy: 'validationAccuracy',
});

/** Times, and the epoch and step, say nothing about the training. */
const SKIPPED = /^(?:epoch|step|total_flos|(?:eval|train)_(?:runtime|samples_per_second|steps_per_second))$/;

/** Returns where the Trainer writes metrics. */
export function huggingFaceSources(): readonly OutputSource[] {
  return [
    { where: 'output', reader: huggingFaceOutput },
    { where: { files: '**/trainer_state.json' }, reader: trainerState },
  ];
}

/** An item of a printed dict. Numbers are in quotes since version 5. */
const ITEM = /'([^'\\]*)': (?:'([^'\\]*)'|([-+.\w]+))(?:, |$)/y;

/** Reads the dicts that the Trainer prints. */
export function huggingFaceOutput(): OutputReader {
  return {
    from: 'lines',
    read: (line) => {
      if (line.length > MAX_KNOWN_LENGTH) return [];
      const [, body] = /^\{('.*)\}$/.exec(line.trim()) ?? [];
      const items = body === undefined ? null : itemsIn(body);
      const reading = items && readingOf(items, null);
      return reading ? [reading] : [];
    },
  };
}

/** Returns the items of a Python dict of numbers; null if it is another one. */
function itemsIn(body: string): Map<string, number> | null {
  const items = new Map<string, number>();
  ITEM.lastIndex = 0;
  while (ITEM.lastIndex < body.length) {
    const match = ITEM.exec(body);
    if (!match) return null;
    const value = numberIn(match[2] ?? match[3] ?? '');
    if (value !== null) items.set(match[1] ?? '', value);
  }
  return items;
}

/**
 * Returns the reading of a log entry. Null if it is neither of a training step nor of an evaluation.
 *
 * @param step number of steps that are done, null if unknown
 */
function readingOf(items: ReadonlyMap<string, number>, step: number | null): Reading | null {
  const epochs = items.get('epoch');
  const isEvaluation = items.has('eval_loss');
  if (epochs === undefined || !(epochs >= 0) || (!isEvaluation && !items.has('loss'))) return null;
  const numbers = [...items].filter(([name]) => !SKIPPED.test(name));
  const metrics = metricsFrom(numbers, keyOf, false);
  // The entry of a step is logged after it, at the end of an epoch with a whole number.
  const epoch = countOf(Math.max(0, Math.ceil(epochs) - 1));
  if (isEvaluation && Number.isInteger(epochs) && epoch !== null && epochs > 0)
    return { kind: 'epoch', epoch, step, metrics };
  return { kind: 'step', step: step === null ? null : countOf(step - 1), epoch, metrics };
}

/**
 * Reads trainer_state.json: the length, the evaluations, and the checkpoint that it is in. The steps were printed before.
 *
 * @param path such as `out/checkpoint-500/trainer_state.json`
 */
export function trainerState(path = ''): OutputReader {
  const [, checkpoint] = /^((?:.*\/)?checkpoint-\d+)\/[^/]+$/.exec(path) ?? [];
  return {
    from: 'whole',
    read: (text) => {
      const state = stateIn(text);
      if (state === null) return [];
      const totalSteps = countOf(state.max_steps);
      const epochs = countOf(state.num_train_epochs);
      const readings: Reading[] = [];
      if (totalSteps || epochs)
        readings.push({
          kind: 'length',
          ...(totalSteps ? { totalSteps } : {}),
          ...(epochs ? { epochs } : {}),
        });
      for (const entry of state.log_history) {
        const reading = isMapping(entry) ? entryReading(entry) : null;
        if (reading) readings.push(reading);
      }
      if (checkpoint !== undefined) readings.push({ kind: 'checkpoint', path: checkpoint });
      return readings;
    },
  };
}

function entryReading(entry: Readonly<Record<string, unknown>>): Reading | null {
  const items = new Map(
    Object.entries(entry).flatMap(([name, value]): [string, number][] => {
      const number = typeof value === 'number' ? value : typeof value === 'string' ? numberIn(value) : null;
      return number === null ? [] : [[name, number]];
    }),
  );
  return items.has('eval_loss') ? readingOf(items, countOf(items.get('step'))) : null;
}

interface TrainerState {
  readonly log_history: readonly unknown[];
  readonly max_steps?: unknown;
  readonly num_train_epochs?: unknown;
}

/** Null if the file is another one, or its writer has not finished. */
function stateIn(text: string): TrainerState | null {
  try {
    // Python writes NaN, which JSON does not have.
    const state = parseJson(/\b(?:NaN|Infinity)\b/.test(text) ? withWords(text) : text);
    return isMapping(state) && Array.isArray(state.log_history)
      ? { ...state, log_history: state.log_history }
      : null;
  } catch {
    return null;
  }
}
