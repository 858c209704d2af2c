/**
 * TensorBoard's event files: a TFRecord file of `Event` messages (`tensorboard/compat/proto/event.proto` and
 * `summary.proto`). Scalars are `simple_value` (PyTorch, Lightning, Transformers) or tensors (TensorFlow 2, Keras).
 */
import type { MetricNames } from '../../recipe/commandRecipe';
import { commonKey } from './commonNames';
import { kerasKey } from './kerasNames';
import { countOf, hasValidation, type MetricKey, metricsFrom, namedReadings, rowReading } from './metrics';
import { bytesField, fieldsIn, integerField, varintIn, viewOf } from './protobufReader';
import type { OutputReader, Reading } from './reading';
import { RecordSplitter } from './recordFile';

/** The names of event files contain this. */
export const EVENT_FILES = '*tfevents*';

interface Scalar {
  readonly tag: string;
  readonly step: number;
  readonly value: number;
}

/** What the scalars of a file mean. Keeps state, because an epoch is a scalar of its own. */
type Meaning = (scalar: Scalar) => readonly Reading[];

/**
 * Reads an event file with the tags that Keras, Lightning and users of PyTorch usually give. Accuracies are fractions, and
 * steps and epochs are numbered as in the file.
 *
 * @param path Keras writes the same tags to the folders `train` and `validation`
 */
export function tensorBoard(path = ''): OutputReader {
  const folder = path.split('/').at(-2);
  const other = tagMeaning(
    (numbers, step, epoch) => rowReading(step, epoch, metricsFrom(numbers, stepKey, false)),
    'epoch',
    0,
  );
  return eventFile((scalar) => kerasReadings(scalar, folder) ?? other(scalar));
}

/**
 * Reads an event file whose tags a person named. If the name of the epoch is `step`, the number of an event is its epoch.
 * Otherwise it is the step, and the epoch is the scalar with that name at the same step.
 */
export function namedTags(metricNames: MetricNames): OutputReader {
  const { names, firstEpoch } = metricNames;
  if (names.epoch === 'step') {
    const readingOf = namedReadings({ ...metricNames, names: { ...names, step: undefined } });
    return eventFile(({ tag, step, value }) => {
      const reading = readingOf(
        new Map([
          [tag, value],
          ['step', step],
        ]),
      );
      return reading?.kind === 'epoch' ? [reading] : [];
    });
  }
  const readingOf = namedReadings({
    ...metricNames,
    names: { ...names, step: STEP_NAME, epoch: EPOCH_NAME },
    firstEpoch: 0,
  });
  const makeReading: MakeReading = (numbers, step, epoch) =>
    readingOf(
      new Map([...numbers, [STEP_NAME, step], ...(epoch === null ? [] : [[EPOCH_NAME, epoch] as const])]),
    );
  return eventFile(tagMeaning(makeReading, names.epoch, firstEpoch));
}

/** Names that no tag has. */
const STEP_NAME = '\0step';
const EPOCH_NAME = '\0epoch';

/** Lightning adds `_step` to a metric that it logs for the epoch too. The mean over the epoch keeps its name. */
function stepKey(tag: string): MetricKey | null {
  return commonKey(tag.replace(/_step$/, ''));
}

type MakeReading = (numbers: [string, number][], step: number, epoch: number | null) => Reading | null;

/**
 * Gives each scalar as the metric of its step. When the epoch of a step with validation metrics comes, which Lightning
 * writes last, gives them as metrics of the epoch too.
 */
function tagMeaning(makeReading: MakeReading, epochTag: string | undefined, firstEpoch: number): Meaning {
  let validation: { readonly step: number; readonly numbers: [string, number][] } = { step: -1, numbers: [] };
  return ({ tag, step, value }) => {
    if (step !== validation.step) validation = { step, numbers: [] };
    if (tag !== epochTag) {
      const reading = makeReading([[tag, value]], step, null);
      const isValidation = reading?.kind === 'step' && hasValidation(reading.metrics);
      if (isValidation && validation.numbers.length < MAX_VALIDATION_SCALARS)
        validation.numbers.push([tag, value]);
      return present(reading);
    }
    const { numbers } = validation;
    validation = { step, numbers: [] };
    const epoch = countOf(value - firstEpoch);
    return epoch === null || numbers.length === 0 ? [] : present(makeReading(numbers, step, epoch));
  };
}

/** A file may have any number of scalars at one step. */
const MAX_VALIDATION_SCALARS = 100;

function present(reading: Reading | null): Reading[] {
  return reading === null ? [] : [reading];
}

/** Returns null if the scalar is not one of Keras' TensorBoard callback. */
function kerasReadings({ tag, step, value }: Scalar, folder: string | undefined): Reading[] | null {
  const [, kind, name = ''] = /^(epoch|batch|evaluation)_(.+)$/.exec(tag) ?? [];
  if (kind === undefined || (folder !== 'train' && folder !== 'validation')) return null;
  const logName = folder === 'train' ? name : `val_${name}`;
  const metrics = metricsFrom([[logName, value]], kerasKey, false);
  switch (kind) {
    case 'epoch':
      return [{ kind: 'epoch', epoch: step, step: null, metrics }];
    case 'batch':
      // Keras writes the number of batches that are done.
      return step === 0 ? [] : [{ kind: 'step', step: step - 1, epoch: null, metrics }];
    default:
      // The same values as those of the epoch, by the number of steps.
      return [];
  }
}

function eventFile(meaning: Meaning): OutputReader {
  const splitter = new RecordSplitter();
  const read = (bytes: Uint8Array): readonly Reading[] =>
    splitter.push(bytes).flatMap((record) => scalarsOf(record).flatMap(meaning));
  return { from: 'bytes', read };
}

const EVENT = { step: 2, summary: 5 } as const;
const SUMMARY = { value: 1 } as const;
const VALUE = { tag: 1, simpleValue: 2, tensor: 8 } as const;
const TENSOR = { type: 1, shape: 2, content: 4, floats: 5, doubles: 6, ints: 7, longs: 10 } as const;
const SHAPE = { dimension: 2 } as const;
/** `tensorflow/core/framework/types.proto`. */
const TYPE = { float: 1, double: 2, int32: 3, int64: 9 } as const;

function scalarsOf(record: Uint8Array): Scalar[] {
  const event = fieldsIn(record) ?? [];
  // A step of 0 is not written.
  const step = countOf(integerField(event, EVENT.step) ?? 0);
  const summary = bytesField(event, EVENT.summary);
  if (step === null || summary === null) return [];
  return (fieldsIn(summary) ?? []).flatMap((field): Scalar[] => {
    if (field.number !== SUMMARY.value || field.kind !== 'bytes') return [];
    const value = fieldsIn(field.value) ?? [];
    const tag = bytesField(value, VALUE.tag);
    const simple = value.findLast(({ number }) => number === VALUE.simpleValue);
    const tensor = bytesField(value, VALUE.tensor);
    const number =
      simple?.kind === 'fixed' && simple.value.byteLength === 4
        ? simple.value.getFloat32(0, true)
        : tensor && scalarIn(tensor);
    return tag === null || number === null
      ? []
      : [{ tag: new TextDecoder().decode(tag), step, value: number }];
  });
}

/** Returns the number of a tensor of rank 0. Null for histograms, images and texts. */
function scalarIn(tensor: Uint8Array): number | null {
  const fields = fieldsIn(tensor) ?? [];
  const shape = fieldsIn(bytesField(fields, TENSOR.shape) ?? new Uint8Array()) ?? [];
  if (shape.some(({ number }) => number === SHAPE.dimension)) return null;
  const content = bytesField(fields, TENSOR.content);
  const read = (number: number, size: number, of: (view: DataView) => number): number | null => {
    const field = fields.findLast((each) => each.number === number);
    // Repeated numbers are packed into bytes, or are single fields in older files.
    const view = content ? viewOf(content) : field?.kind === 'bytes' ? viewOf(field.value) : field?.value;
    return view instanceof DataView && view.byteLength === size ? of(view) : null;
  };
  const whole = (number: number): number | null => {
    const field = fields.findLast((each) => each.number === number);
    return field?.kind === 'integer' ? field.value : field?.kind === 'bytes' ? varintIn(field.value) : null;
  };
  switch (integerField(fields, TENSOR.type)) {
    case TYPE.float:
      return read(TENSOR.floats, 4, (view) => view.getFloat32(0, true));
    case TYPE.double:
      return read(TENSOR.doubles, 8, (view) => view.getFloat64(0, true));
    case TYPE.int32:
      return content ? read(TENSOR.ints, 4, (view) => view.getInt32(0, true)) : whole(TENSOR.ints);
    case TYPE.int64:
      return content
        ? read(TENSOR.longs, 8, (view) => Number(view.getBigInt64(0, true)))
        : whole(TENSOR.longs);
    default:
      return null;
  }
}
