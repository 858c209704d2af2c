import type { Metrics, Reading } from '../interop/output/reading';
import { PROTOCOL_VERSION, type RunEvent, type RunResult } from '../protocol/events';
import { RunFold } from '../protocol/fold';
import type { EpochEvent, StepEvent } from '../protocol/standing';

/** Minimum time between the steps that are written, in milliseconds. */
const STEP_INTERVAL_MS = 50;

/** Events that are remembered, so that they can follow an epoch that became known after them. */
const REMEMBERED_EVENTS = 2000;

/** How often a changed length is written. An output that changes it with every line says nothing. */
const MOST_LENGTHS = 20;

type StepReading = Extract<Reading, { kind: 'step' }>;
type EpochReading = Extract<Reading, { kind: 'epoch' }>;
type TimedEvent = StepEvent | EpochEvent;

interface Length {
  readonly epochs: number | null;
  readonly stepsPerEpoch: number | null;
  readonly totalSteps: number | null;
}

export interface TimelineOptions {
  /** Writes an event to the run's log. */
  readonly emit: (event: RunEvent) => void;
  /** Number of epochs according to the recipe, null if unknown. */
  readonly epochs: number | null;
  /** The steps and epochs so far of the run that resumes, in order. Empty if it starts from the beginning. */
  readonly history: readonly TimedEvent[];
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/**
 * Makes a run's events from the readings of a command's output. Numbers steps that the output does not number: the first
 * is 0, and an epoch's are followed by the next epoch's. If the output has only epochs, each counts as one step. Epochs
 * that a resumed command repeats replace those before, as they do in every reader of the log.
 */
export class MetricsTimeline {
  readonly #now: () => number;
  /** What readers make of the events: the log of the run before this command, and the events since. */
  readonly #fold = new RunFold<Validation & { readonly step: number }>(({ step, other }) => ({
    ...{ step, validationLoss: other?.validation_loss, validationAccuracy: other?.validation_accuracy },
  }));
  #length: Length;
  #writtenLength: Length | null = null;
  #lengthsWritten = 0;
  /** The epoch and the number of the next step, if the output does not say. */
  #epoch: number;
  #next: number;
  /** Whether steps are numbered here. */
  #countsSteps = false;
  /** The last step, with all that was read about it. */
  #lastStep: StepEvent | null = null;
  /** Whether the last step has to be written. */
  #isUnwritten = false;
  #writtenAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | null = null;
  /** The first step of each epoch that this command has reported, whether or not it was written. */
  readonly #firstSteps = new Map<number, number>();
  /** The epochs that this command has reported, and the steps and epochs that were written last. */
  readonly #epochs = new Map<number, EpochEvent>();
  #lastEpoch: EpochEvent | null = null;
  #recent: TimedEvent[] = [];
  /** The last step of each source, and the last epoch that it reported. */
  readonly #stepsOf = new Map<string, { readonly step: number; readonly epoch: number }>();
  /** For each source that numbers the steps of each epoch from the beginning: the steps before its epoch. */
  readonly #offsets = new Map<string, { readonly epoch: number; readonly steps: number }>();
  readonly #epochsOf = new Map<string, number>();
  #epochBeganAt: number;
  /** Number of training losses in the last epoch that has any. */
  #losses = { epoch: -1, finite: 0, others: 0, last: 0 };
  #hasMetrics = false;
  #checkpoint: string | null = null;

  constructor(private readonly options: TimelineOptions) {
    this.#now = options.now ?? Date.now;
    // The attempts of the log do not matter here.
    for (const event of options.history) this.#fold.take({ ...event, attempt: undefined });
    const last = this.#fold.epochs.at(-1);
    this.#epoch = last ? last.epoch + 1 : 0;
    this.#next = last?.step ?? 0;
    this.#length = { epochs: options.epochs, stepsPerEpoch: null, totalSteps: null };
    this.#epochBeganAt = this.#now();
  }

  /** Whether the output had any metrics. */
  get hasMetrics(): boolean {
    return this.#hasMetrics;
  }

  /** The checkpoint that the output named last, as in the output. */
  get checkpoint(): string | null {
    return this.#checkpoint;
  }

  /** Number of epochs of the whole training, null if unknown. */
  get totalEpochs(): number | null {
    return this.#length.epochs;
  }

  /** Whether the training losses of the last epoch are all NaN or infinite. Then the last of them, otherwise null. */
  get lostLoss(): { readonly epoch: number; readonly loss: number } | null {
    const { epoch, finite, others, last } = this.#losses;
    return others > 0 && finite === 0 ? { epoch, loss: last } : null;
  }

  /** Takes the next readings of one source, such as the output or a file. */
  take(source: string, readings: readonly Reading[]): void {
    for (const reading of readings) if (reading.kind === 'length') this.#take(reading);
    for (const reading of readings) {
      switch (reading.kind) {
        case 'step':
          this.#start();
          this.#takeStep(source, reading);
          break;
        case 'epoch':
          this.#start();
          this.#takeEpoch(source, reading);
          break;
        case 'checkpoint':
          this.#checkpoint = reading.path;
          break;
        case 'length':
          break;
        default:
          throw new Error(`Unknown reading: ${JSON.stringify(reading satisfies never)}`);
      }
    }
  }

  /** Writes the last step, and the start of a training without metrics. */
  end(): void {
    this.#start();
    this.#writeStep();
  }

  /** The run's result, of all its commands. */
  result(seconds: number): RunResult {
    const { epochs } = this.#fold;
    // A training that is counted in steps validates after some of them.
    const isOfEpochs = epochs.some((epoch) => hasValidation(epoch));
    const validations: readonly Validation[] = isOfEpochs ? epochs : this.#fold.steps;
    const accuracies = validations.flatMap(({ validationAccuracy }) => validationAccuracy ?? []);
    const averaged = epochs.findLast(
      ({ averagedAccuracy }) => averagedAccuracy !== undefined,
    )?.averagedAccuracy;
    const loss = validations.findLast(({ validationLoss }) => validationLoss !== undefined)?.validationLoss;
    return {
      epochs: epochs.length,
      validationLoss: loss ?? null,
      validationAccuracy: accuracies.at(-1) ?? null,
      bestValidationAccuracy: accuracies.length > 0 ? accuracies.reduce((a, b) => Math.max(a, b)) : null,
      ...(averaged !== undefined && { averagedAccuracy: averaged }),
      seconds,
    };
  }

  #take({ epochs, stepsPerEpoch, totalSteps }: Extract<Reading, { kind: 'length' }>): void {
    this.#length = {
      epochs: epochs ?? this.#length.epochs,
      stepsPerEpoch: stepsPerEpoch ?? this.#length.stepsPerEpoch,
      totalSteps: totalSteps ?? this.#length.totalSteps,
    };
  }

  /** Writes the start of the training, if it or the length of the training is new. */
  #start(): void {
    const length = completed(this.#length);
    const isKnown = this.#writtenLength !== null && isSame(this.#writtenLength, length);
    if (isKnown || this.#lengthsWritten > MOST_LENGTHS) return;
    this.#writtenLength = length;
    this.#lengthsWritten += 1;
    this.#writeStep();
    this.options.emit({
      ...{ type: 'started', version: PROTOCOL_VERSION, time: this.#now() },
      ...{ engine: null, precision: null, parameters: null, ...length },
    });
  }

  #takeStep(source: string, { step: given, epoch: named, metrics }: StepReading): void {
    const { stepsPerEpoch } = this.#length;
    const step = given === null || named === null ? given : given + this.#offsetOf(source, given, named);
    const epoch = named ?? (step !== null && stepsPerEpoch ? Math.floor(step / stepsPerEpoch) : this.#epoch);
    if (step === null) {
      this.#countsSteps = true;
      const own = this.#stepsOf.get(source)?.epoch ?? (this.#hasBegun ? epoch : this.#epoch);
      // The command went back to an earlier epoch.
      if (epoch < own) this.#next = this.#endBefore(epoch);
    } else if (this.#isLate(source, step)) return;
    const number = step ?? this.#next;
    this.#stepsOf.set(source, { step: number, epoch });
    this.#countLosses(epoch, metrics.loss);
    this.#hasMetrics = true;
    this.#forgetFrom(number);
    if (!this.#firstSteps.has(epoch)) this.#firstSteps.set(epoch, number);
    const event: StepEvent = {
      type: 'step',
      time: this.#now(),
      step: number,
      epoch,
      ...stepMetrics(metrics),
    };
    if (this.#lastStep?.step === number) {
      const { other } = this.#lastStep;
      this.#lastStep = { ...this.#lastStep, ...event, ...joined(other, event.other) };
    } else {
      const isBefore = this.#lastStep !== null && this.#lastStep.step < number;
      if (isBefore && event.time - this.#writtenAt >= STEP_INTERVAL_MS) this.#writeStep();
      this.#lastStep = event;
    }
    this.#isUnwritten = true;
    this.#epoch = epoch;
    this.#next = number + 1;
    if (hasValidation(metrics) || event.time - this.#writtenAt >= STEP_INTERVAL_MS) this.#writeStep();
    else this.#timer ??= setTimeout(() => this.#writeStep(), STEP_INTERVAL_MS);
  }

  /**
   * Returns the number of steps before an epoch if a source numbers the steps of each epoch from the beginning, otherwise
   * 0. It does if a step of a later epoch has no higher number.
   */
  #offsetOf(source: string, step: number, epoch: number): number {
    const known = this.#offsets.get(source);
    if (known?.epoch === epoch) return known.steps;
    const own = this.#stepsOf.get(source);
    const isBehind = own ? epoch > own.epoch && step <= own.step : step < this.#endBefore(epoch);
    if (!known && (this.#hasBegun && !own ? true : !isBehind)) return 0;
    const before = this.#endBefore(epoch);
    const isLater = own !== undefined && epoch > own.epoch;
    const perEpoch = completed(this.#length).stepsPerEpoch ?? 0;
    const steps = isLater ? Math.max(before, own.step + 1, epoch * perEpoch) : before;
    this.#offsets.set(source, { epoch, steps });
    return steps;
  }

  /** Whether this command has reported anything. */
  get #hasBegun(): boolean {
    return this.#lastStep !== null || this.#epochs.size > 0;
  }

  /** Whether a source reports a step after a later step, or the end of its epoch, was reported. */
  #isLate(source: string, step: number): boolean {
    if (step >= Math.max(this.#lastEpoch?.step ?? 0, this.#lastStep?.step ?? 0)) return false;
    const own = this.#stepsOf.get(source);
    // A source that goes back is a command that went back.
    return own ? step >= own.step : this.#hasBegun;
  }

  /** Forgets the epochs that a command repeats, if it went back to `step`. */
  #forgetFrom(step: number): void {
    if ((this.#lastEpoch?.step ?? 0) <= step && (this.#lastStep?.step ?? 0) <= step) return;
    this.#keepEpochs((event) => event.step <= step);
    for (const [epoch, first] of this.#firstSteps) if (first >= step) this.#firstSteps.delete(epoch);
    this.#recent = this.#recent.filter((event) => event.step <= step);
  }

  #keepEpochs(isKept: (event: EpochEvent) => boolean): void {
    for (const [epoch, event] of this.#epochs) if (!isKept(event)) this.#epochs.delete(epoch);
    this.#lastEpoch = [...this.#epochs.values()].at(-1) ?? null;
  }

  #takeEpoch(source: string, { epoch, step, metrics }: EpochReading): void {
    this.#hasMetrics = true;
    // The command went back to an earlier epoch.
    if ((this.#epochsOf.get(source) ?? epoch) > epoch && this.#epochs.has(epoch)) this.#goBackTo(epoch);
    this.#epochsOf.set(source, epoch);
    this.#writeStep();
    const before = this.#epochs.get(epoch);
    const event: EpochEvent = {
      ...(before ?? {
        type: 'epoch',
        time: this.#now(),
        epoch,
        step: step === null || this.#isOfEpoch(source, step, epoch) ? this.#endOf(epoch) : step,
        seconds: 0,
      }),
      ...epochMetrics(metrics),
      ...joined(before?.other, otherOfEpoch(metrics)),
    };
    this.#countLosses(epoch, metrics.loss);
    if (before && JSON.stringify(before) === JSON.stringify(event)) return;
    const seconds = before?.seconds ?? (event.time - this.#epochBeganAt) / 1000;
    if (!before) this.#epochBeganAt = event.time;
    this.#insert({ ...event, seconds: Math.max(0, seconds) });
    this.#epoch = Math.max((this.#lastEpoch?.epoch ?? epoch) + 1, this.#lastStep?.epoch ?? 0);
    this.#next = this.#lastStep === null ? event.step : Math.max(this.#next, event.step);
    // An epoch is not told this much later.
    if (this.#firstSteps.size > REMEMBERED_EVENTS)
      for (const other of this.#firstSteps.keys()) if (other < epoch) this.#firstSteps.delete(other);
  }

  /** Whether the number of a step counts the steps of its epoch only. */
  #isOfEpoch(source: string, step: number, epoch: number): boolean {
    return this.#offsets.has(source) || step <= this.#endBefore(epoch);
  }

  #goBackTo(epoch: number): void {
    const end = this.#endBefore(epoch);
    this.#keepEpochs((event) => event.epoch < epoch);
    for (const other of this.#firstSteps.keys()) if (other >= epoch) this.#firstSteps.delete(other);
    this.#recent = this.#recent.filter((event) => event.step <= end);
    this.#lastStep = null;
    this.#isUnwritten = false;
    this.#epoch = epoch;
    this.#next = end;
  }

  /** The number of steps done before an epoch, as far as known. */
  #endBefore(epoch: number): number {
    return this.#fold.epochs.findLast((event) => event.epoch < epoch)?.step ?? 0;
  }

  /** The number of steps done at the end of an epoch that the output does not number. */
  #endOf(epoch: number): number {
    const least = this.#endBefore(epoch) + 1;
    const { stepsPerEpoch } = completed(this.#length);
    if (stepsPerEpoch !== null && !this.#countsSteps) return Math.max(least, (epoch + 1) * stepsPerEpoch);
    // Steps of the next epoch may have come first, from another source.
    const later = [...this.#firstSteps].flatMap(([other, step]) => (other > epoch ? [step] : []));
    return Math.max(least, Math.min(...later, this.#lastStep === null ? least : this.#next));
  }

  /**
   * Writes an epoch, and again the events that were written before it although they come later. Otherwise readers would
   * take them for events that the epoch repeats.
   */
  #insert(epoch: EpochEvent): void {
    const later = this.#recent.filter(
      (event) => event.step >= epoch.step && (event.type === 'step' || event.epoch > epoch.epoch),
    );
    const oldest = this.#recent[0];
    const isTooOld =
      oldest !== undefined && this.#recent.length >= REMEMBERED_EVENTS && oldest.step > epoch.step;
    this.#epochs.set(epoch.epoch, epoch);
    if (epoch.epoch >= (this.#lastEpoch?.epoch ?? 0)) this.#lastEpoch = epoch;
    if (isTooOld) return;
    this.#recent = this.#recent.filter(
      (event) => !later.includes(event) && !(event.type === 'epoch' && event.epoch === epoch.epoch),
    );
    for (const event of [epoch, ...later]) this.#write(event);
  }

  #writeStep(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    if (!this.#isUnwritten || !this.#lastStep) return;
    this.#isUnwritten = false;
    this.#writtenAt = this.#now();
    this.#recent = this.#recent.filter(
      (event) => event.type !== 'step' || event.step !== this.#lastStep?.step,
    );
    this.#write(this.#lastStep);
  }

  #write(event: TimedEvent): void {
    this.#fold.take(event);
    this.#recent.push(event);
    if (this.#recent.length > REMEMBERED_EVENTS * 1.5) this.#recent = this.#recent.slice(-REMEMBERED_EVENTS);
    this.options.emit(event);
  }

  #countLosses(epoch: number, loss: number | undefined): void {
    if (loss === undefined) return;
    if (this.#losses.epoch !== epoch) this.#losses = { epoch, finite: 0, others: 0, last: loss };
    if (Number.isFinite(loss)) this.#losses.finite += 1;
    else Object.assign(this.#losses, { others: this.#losses.others + 1, last: loss });
  }
}

/** The validation metrics of an epoch, or of a step. */
interface Validation {
  readonly validationLoss?: number | undefined;
  readonly validationAccuracy?: number | undefined;
}

const hasValidation = ({ validationLoss, validationAccuracy }: Validation) =>
  validationLoss !== undefined || validationAccuracy !== undefined;

/** Adds what follows from the known parts of a length. */
function completed({ epochs, stepsPerEpoch, totalSteps }: Length): Length {
  const perEpoch = epochs !== null && totalSteps !== null ? totalSteps / epochs : null;
  return {
    epochs,
    stepsPerEpoch: stepsPerEpoch ?? (Number.isInteger(perEpoch) ? perEpoch : null),
    totalSteps: totalSteps ?? (epochs !== null && stepsPerEpoch !== null ? epochs * stepsPerEpoch : null),
  };
}

function isSame(one: Length, other: Length): boolean {
  return (
    one.epochs === other.epochs &&
    one.stepsPerEpoch === other.stepsPerEpoch &&
    one.totalSteps === other.totalSteps
  );
}

/** Leaves out what JSON cannot hold: NaN and infinite numbers. */
function finite<Key extends string>(
  metrics: Readonly<Partial<Record<Key, number | undefined>>>,
): Partial<Record<Key, number>> {
  const entries = Object.entries(metrics).filter(([, value]) => Number.isFinite(value));
  return Object.fromEntries(entries) as Partial<Record<Key, number>>;
}

function stepMetrics(metrics: Metrics): Partial<StepEvent> {
  const { loss, accuracy, learningRate, imagesPerSecond } = metrics;
  const { validationLoss, validationAccuracy, validationTop5, averagedAccuracy, other } = metrics;
  const names = {
    ...{ validation_loss: validationLoss, validation_accuracy: validationAccuracy },
    ...{ validation_top5: validationTop5, averaged_accuracy: averagedAccuracy },
  };
  return {
    ...finite({ loss, accuracy, learningRate, imagesPerSecond }),
    ...joined(undefined, { ...names, ...other }),
  };
}

function epochMetrics(metrics: Metrics): Partial<EpochEvent> {
  const { loss, accuracy, validationLoss, validationAccuracy, validationTop5, averagedAccuracy } = metrics;
  return finite({
    ...{ trainLoss: loss, trainAccuracy: accuracy, validationLoss, validationAccuracy },
    ...{ validationTop5, averagedAccuracy },
  });
}

/** The metrics of an epoch that its event has no field for. */
function otherOfEpoch({ learningRate, imagesPerSecond, other }: Metrics): Record<string, number | undefined> {
  return { learning_rate: learningRate, images_per_second: imagesPerSecond, ...other };
}

function joined(
  before: Readonly<Record<string, number>> | undefined,
  more: Readonly<Record<string, number | undefined>> | undefined,
): { readonly other?: Record<string, number> } {
  const all: Record<string, number> = { ...before };
  for (const [name, value] of Object.entries(more ?? {}))
    if (value !== undefined && Number.isFinite(value)) all[name] = value;
  return Object.keys(all).length > 0 ? { other: all } : {};
}
