import * as tf from '@tensorflow/tfjs-core';
import { type Engine, reportOf } from '../../backends/backend';
import { precisionSupport } from '../../backends/precision/formats';
import { parametersOf, sizeOf } from '../../models/graph';
import type { Predictions } from '../../protocol/classificationMetrics';
import { type FinalEvent, PROTOCOL_VERSION } from '../../protocol/events';
import type { EngineStartedEvent, NetworkEpoch, NetworkEvent } from '../../protocol/standing';
import type { SavePeriod } from '../../protocol/trainer';
import { graphOf } from '../../recipe/draft';
import { frozenParametersOf } from '../../recipe/parameterGroups';
import { isRangeTest, SmoothedLoss } from '../../recipe/rangeTest';
import type { Recipe } from '../../recipe/recipe';
import { learningRateAt } from '../../recipe/schedule';
import type { Trouble } from '../../recipe/trouble';
import { type Snapshot, STREAMS, type TrainingState } from '../../runs/checkpoint';
import type { Failure } from '../../shared/failure';
import type { BatchSource } from '../data/batch';
import { trainingBatches } from '../data/batchSource';
import type { ImageDataset } from '../data/dataset';
import { epochOrder } from '../data/epochOrder';
import { oneHotTargets } from '../data/targets';
import type { Effect } from '../effects/effect';
import { RecipeEffects } from '../effects/index';
import { initialValues } from '../network/initialization';
import { Network } from '../network/network';
import { createOptimizer } from '../optimizers/optimizer';
import { ShardedPasses, type Threads } from '../parallel/shardedPasses';
import { Random } from '../random';
import { Streams } from '../streams';
import type { BatchTensors } from './batchPass';
import { evaluate, imagesTensor, type Metrics } from './evaluation';
import { isHopeless } from './lossScale';
import { type LocalParts, LocalPasses } from './passes';
import { inTurnUntil } from './pipeline';
import { restoreTrainingTensors, tensorsOf, trainingTensorsOf } from './snapshotTensors';
import { type StepOutcome, type StepParts, Stepper } from './step';
import type { Teacher } from './teacher';
import { Speed, Stopwatch, secondsSince } from './timing';
import { DivergedError, divergedFailure, OverflowError, overflowFailure } from './troubles';

/** A step, with the values to report. */
interface TakenStep extends StepOutcome {
  readonly learningRate: number;
  /** With loss scaling: the scale after the step, and the number of overflows so far. */
  readonly scaling: { readonly lossScale?: number; readonly overflows?: number };
}

/** The interface between a training and its environment. */
export interface TrainingOptions {
  readonly dataset: ImageDataset;
  /** Parameters and buffers to start from, by name, instead of random initialization. */
  readonly weights?: ReadonlyMap<string, Float32Array> | undefined;
  /** The teacher that the recipe learns from in addition to the labels. */
  readonly teacher?: Teacher | undefined;
  /** A snapshot of this recipe's training to resume from. By default, training starts from the beginning. */
  readonly resume?: Omit<Snapshot, 'isBest'> | undefined;
  /** The threads to train on, each with a shard of every batch. By default, only this one. */
  readonly threads?: Threads | undefined;
  /** When to save within an epoch. By default never. */
  readonly saveEvery?: SavePeriod | undefined;
  /** Training continues after it resolves. */
  readonly emit: (event: NetworkEvent) => void | Promise<void>;
  /**
   * Called at the end of each epoch, within epochs as `saveEvery` says, and when the training is stopped. Each call
   * comes after all events so far were emitted. Training continues after it resolves.
   */
  readonly save: (snapshot: Snapshot) => Promise<void>;
  /**
   * Called at the end of each epoch, before anything else reports it, with the predictions for each validation image.
   * By default they are discarded.
   */
  readonly keepEvaluation?: ((evaluation: EpochEvaluation) => Promise<void>) | undefined;
  /** Returns remedies against a trouble that ends the training, in addition to those in the recipe. By default none. */
  readonly helpAgainst?: (trouble: Trouble) => readonly string[];
  /** The available effects, if they differ from the product's. */
  readonly effects?: readonly Effect[] | undefined;
  /** Ends the training after the current step. */
  readonly signal: AbortSignal;
}

/** The result of an epoch: predictions of the validation images, in the data set's order. */
export interface EpochEvaluation {
  /** Starting at 0. */
  readonly epoch: number;
  /** Steps taken so far. */
  readonly step: number;
  /** Whether no earlier epoch had an accuracy as good. */
  readonly isBest: boolean;
  readonly predictions: Predictions;
  /** Predictions of the weights' moving average, if there is one. */
  readonly averaged: Predictions | null;
}

/** Returns the first event of a run's log. */
export function startedEvent(recipe: Recipe, engine: Engine): EngineStartedEvent {
  const parameters = parametersOf(graphOf(recipe));
  const { compute } = recipe.precision;
  return {
    type: 'started',
    version: PROTOCOL_VERSION,
    time: Date.now(),
    engine: reportOf(engine),
    precision: { compute, execution: precisionSupport(engine, compute) },
    epochs: recipe.epochs,
    stepsPerEpoch: recipe.schedule.stepsPerEpoch,
    totalSteps: recipe.schedule.totalSteps,
    parameters: parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
  };
}

/**
 * Trains a recipe on the current engine. The same seed, engine and number of threads give the same training, bit for
 * bit. Disposes every tensor and ends every thread that it creates.
 *
 * @returns the event that ends the run; the caller emits it
 * @throws whatever `emit` and `save` throw, and errors of the engine
 */
export async function train(recipe: Recipe, options: TrainingOptions): Promise<FinalEvent> {
  const graph = graphOf(recipe);
  const { initialization, seed } = recipe;
  const { resume, helpAgainst = () => [] } = options;
  const drawn = () => initialValues(graph, initialization, Random.seeded(seed, 'initialization'));
  const saved = resume && new Map(resume.tensors.map(({ name, values }) => [name, values]));
  const frozen = frozenParametersOf(recipe.parameterGroups, graph);
  const network = new Network(graph, saved ?? options.weights ?? drawn(), recipe.precision.compute, frozen);
  const teacher = options.teacher ? new Network(options.teacher.graph, options.teacher.values) : null;
  const streams = new Streams(seed, resume?.state.random);
  for (const name of STREAMS) streams.get(name);
  const effects = new RecipeEffects(recipe, options.effects);
  const own: LocalParts = { network, teacher, loss: effects.loss() };
  const optimizer = createOptimizer(recipe, parametersOf(graph));
  const average = effects.average(network);
  const sharded =
    options.threads && options.threads.count > 1
      ? new ShardedPasses(recipe, own, streams.get('dropout'), options.threads)
      : null;
  const local = new LocalPasses(own, streams.get('dropout'));
  const passes = sharded ?? local;
  const parts: StepParts = { network, passes, optimizer, average, effects, streams };
  try {
    if (resume) restoreTrainingTensors(parts, resume);
    return await new Training(recipe, options, parts).run();
  } catch (error) {
    if (error instanceof DivergedError)
      return failedEvent(divergedFailure(error, recipe, helpAgainst('divergence')));
    if (error instanceof OverflowError)
      return failedEvent(overflowFailure(error, recipe, helpAgainst('overflow')));
    throw error;
  } finally {
    await sharded?.close();
    for (const part of [local, network, teacher, optimizer, average]) part?.dispose();
  }
}

class Training {
  /** Steps taken, including those with overflowed gradients. */
  #stepsDone = 0;
  /** The current epoch, the steps taken in it, and the sums of their metrics. */
  #epoch = 0;
  #stepsInEpoch = 0;
  #sums: TrainingState['sums'] = { loss: 0, accuracy: 0, steps: 0 };
  /** The state of the data order's stream before the current epoch. */
  #orderState: readonly number[];
  /** The fraction of the epoch's step time spent waiting for images. Null if the images are in memory. */
  #dataWaitShare: number | null = null;
  /** Validation metrics of the last complete epoch. */
  #validation: Metrics | null = null;
  #averaged: Metrics | null = null;
  #bestAccuracy: number | null = null;
  readonly #total: Stopwatch;
  #inEpoch: Stopwatch;
  /** Time and step of the last save. */
  #saved = { time: performance.now(), step: 0 };
  readonly #stepper: Stepper;
  readonly #batches: BatchSource;
  readonly #changeBatch: ReturnType<RecipeEffects['batchChange']>;
  /** Consecutive steps with overflowed gradients. */
  #overflowsInARow = 0;
  /** The smoothed loss of a range test, which ends when it explodes. Null for any other training. */
  readonly #rangeTest: SmoothedLoss | null;

  constructor(
    private readonly recipe: Recipe,
    private readonly options: TrainingOptions,
    private readonly parts: StepParts,
  ) {
    const { train: split, facts } = options.dataset;
    const { effects, streams } = parts;
    this.#stepper = new Stepper(recipe, parts);
    this.#rangeTest = isRangeTest(recipe) ? new SmoothedLoss(recipe.schedule.totalSteps) : null;
    const augmentation = streams.get('augmentation');
    this.#batches = trainingBatches(split, facts, recipe.data, () => augmentation.uniform());
    const state = options.resume?.state;
    this.#changeBatch = effects.batchChange(streams);
    this.#orderState = streams.get('dataOrder').state;
    this.#total = new Stopwatch(state?.seconds);
    this.#inEpoch = new Stopwatch(state?.secondsInEpoch);
    if (state) this.#restore(state);
  }

  async run(): Promise<FinalEvent> {
    if (this.#rangeTest) return this.#runRangeTest(this.#rangeTest);
    try {
      while (this.#epoch < this.recipe.epochs) await this.#wholeEpoch();
      return this.#doneEvent();
    } catch (error) {
      if (error !== this.options.signal.reason) throw error;
      if (this.#saved.step < this.#stepsDone) await this.#save(false);
      return this.#stoppedEvent();
    }
  }

  /** Trains until the loss explodes. The weights are then useless, so they are neither evaluated nor saved. */
  async #runRangeTest(loss: SmoothedLoss): Promise<FinalEvent> {
    try {
      while (this.#epoch < this.recipe.epochs && !loss.hasExploded) {
        await this.#trainEpoch();
        this.#beginEpoch();
      }
    } catch (error) {
      const hasExploded = error instanceof DivergedError || error instanceof OverflowError;
      if (error !== this.options.signal.reason && !hasExploded) throw error;
    }
    return this.#stoppedEvent();
  }

  #stoppedEvent(): FinalEvent {
    return { type: 'stopped', time: Date.now(), step: this.#stepsDone };
  }

  #beginEpoch(): void {
    this.#epoch++;
    this.#stepsInEpoch = 0;
    this.#sums = { loss: 0, accuracy: 0, steps: 0 };
    this.#orderState = this.parts.streams.get('dataOrder').state;
    this.#inEpoch = new Stopwatch();
  }

  /** Trains the rest of the current epoch and evaluates it. */
  async #wholeEpoch(): Promise<void> {
    const { network, passes, average, effects } = this.parts;
    const { dataset, emit, signal } = this.options;
    const training = await this.#trainEpoch();
    const predictor = effects.predictor(passes);
    const validate = () => evaluate(predictor, dataset, this.recipe.data.batchSize, signal);
    const validation = await validate();
    if (!Number.isFinite(validation.loss)) throw new DivergedError(validation.loss, this.#stepsDone - 1);
    const averaged = average && (await average.during(network, validate));
    const isBest = this.#bestAccuracy === null || validation.accuracy > this.#bestAccuracy;
    await this.options.keepEvaluation?.({
      ...{ epoch: this.#epoch, step: this.#stepsDone, isBest },
      ...{ predictions: validation.predictions, averaged: averaged?.predictions ?? null },
    });
    const { top5, macroF1, balancedAccuracy } = validation;
    const event: NetworkEpoch = {
      type: 'epoch',
      time: Date.now(),
      epoch: this.#epoch,
      step: this.#stepsDone,
      trainLoss: training.loss,
      ...(training.labelsLoss !== undefined && { trainLabelsLoss: training.labelsLoss }),
      trainAccuracy: training.accuracy,
      validationLoss: validation.loss,
      validationAccuracy: validation.accuracy,
      ...(top5 !== null && { validationTop5: top5 }),
      macroF1,
      balancedAccuracy,
      ...(averaged && { averagedLoss: averaged.loss, averagedAccuracy: averaged.accuracy }),
      seconds: this.#inEpoch.seconds,
      ...(this.#dataWaitShare !== null && { dataWaitShare: this.#dataWaitShare }),
    };
    if (isBest) this.#bestAccuracy = validation.accuracy;
    this.#validation = metricsOf(validation);
    this.#averaged = averaged && metricsOf(averaged);
    this.#beginEpoch();
    await emit(event);
    await this.#save(isBest);
  }

  #doneEvent(): FinalEvent {
    const last = this.#validation ?? { loss: Number.NaN, accuracy: 0 };
    return {
      type: 'done',
      time: Date.now(),
      result: {
        epochs: this.recipe.epochs,
        validationLoss: last.loss,
        validationAccuracy: last.accuracy,
        bestValidationAccuracy: this.#bestAccuracy ?? last.accuracy,
        ...(this.#averaged && { averagedAccuracy: this.#averaged.accuracy }),
        seconds: this.#total.seconds,
      },
    };
  }

  /** Trains the rest of one pass over the training images. Returns the means of the metrics of all its steps. */
  async #trainEpoch(): Promise<Metrics> {
    const { schedule, data, gradients } = this.recipe;
    const { signal, emit } = this.options;
    const epoch = this.#epoch;
    const firstStep = epoch * schedule.stepsPerEpoch;
    const speed = new Speed(data.batchSize * gradients.accumulation);
    // Always computed from the initial order, so that an epoch's order depends only on the random state.
    const order = epochOrder(data, this.options.dataset.train, this.parts.streams.get('dataOrder'));
    const report = async ({ metrics, moved, learningRate, scaling }: TakenStep, index: number) => {
      const step = firstStep + index;
      const { loss, accuracy, labelsLoss } = await metrics;
      const imagesPerSecond = speed.afterStep();
      if (!Number.isFinite(loss)) {
        if (moved) throw new DivergedError(loss, step);
        return;
      }
      this.#sums.loss += loss;
      this.#sums.accuracy += accuracy;
      if (labelsLoss !== undefined) this.#sums.labelsLoss = (this.#sums.labelsLoss ?? 0) + labelsLoss;
      this.#sums.steps += 1;
      await emit({
        type: 'step',
        time: Date.now(),
        step,
        epoch,
        learningRate,
        loss,
        ...(labelsLoss !== undefined && { labelsLoss }),
        accuracy,
        imagesPerSecond,
        ...scaling,
      });
      this.#rangeTest?.take(loss);
    };
    const hasExploded = () => this.#rangeTest?.hasExploded ?? false;
    const stop = () => signal.aborted || hasExploded() || this.#isSaveDue();
    const { waitedMs } = this.#batches;
    const begun = performance.now();
    const start = (index: number) => this.#step(order, index);
    for (;;) {
      const next = await inTurnUntil(this.#stepsInEpoch, schedule.stepsPerEpoch, stop, start, report);
      signal.throwIfAborted();
      if (next === schedule.stepsPerEpoch || hasExploded()) break;
      await this.#save(false);
    }
    if (data.images) {
      const stepsMs = Math.max(performance.now() - begun, 1);
      this.#dataWaitShare = Math.min(1, (this.#batches.waitedMs - waitedMs) / stepsMs);
    }
    const { loss, accuracy, labelsLoss, steps } = this.#sums;
    return {
      loss: loss / steps,
      accuracy: accuracy / steps,
      ...(labelsLoss !== undefined && { labelsLoss: labelsLoss / steps }),
    };
  }

  /** Takes one step. After an overflow, the schedule does not advance. */
  async #step(order: Uint32Array, index: number): Promise<TakenStep> {
    const { schedule, gradients, precision } = this.recipe;
    const learningRate = learningRateAt(schedule, this.#stepsDone - this.#stepper.lossScale.overflows);
    const batches: BatchTensors[] = [];
    const take = async () => {
      for (let part = 0; part < gradients.accumulation; part++) {
        batches.push(await this.#batch(order, index * gradients.accumulation + part));
      }
      return this.#stepper.take(batches, learningRate);
    };
    const { moved, metrics } = await take().finally(() => {
      for (const batch of batches) tf.dispose([batch.images, batch.targets, batch.labels]);
    });
    this.#stepsDone++;
    this.#stepsInEpoch++;
    this.#overflowsInARow = moved ? 0 : this.#overflowsInARow + 1;
    const { scale: lossScale, overflows } = this.#stepper.lossScale;
    if (
      precision.compute === 'float16' &&
      isHopeless(precision.lossScale, this.#stepper.lossScale, this.#overflowsInARow)
    ) {
      throw new OverflowError(this.#overflowsInARow, lossScale, this.#stepsDone - 1);
    }
    return {
      moved,
      metrics,
      learningRate,
      scaling: precision.compute === 'float16' ? { lossScale, overflows } : {},
    };
  }

  /** Returns the images of a batch, augmented, and mixed with their targets. */
  async #batch(order: Uint32Array, index: number): Promise<BatchTensors> {
    const { dataset } = this.options;
    const { facts } = dataset;
    const { size, images, labels } = await this.#batches.fill(order, index, this.#epoch);
    const targets = oneHotTargets(labels, facts.classes);
    this.#changeBatch({ size, images, targets }, facts);
    // The step's next batch goes into the same array, which some engines do not copy.
    const own = this.recipe.gradients.accumulation > 1 ? images.slice() : images;
    return {
      images: imagesTensor(own, size, dataset),
      targets: tf.tensor2d(targets, [size, facts.classes]),
      labels: tf.tensor1d(labels.slice(), 'int32'),
    };
  }

  #isSaveDue(): boolean {
    const { saveEvery } = this.options;
    if (!saveEvery || this.#rangeTest || this.#stepsDone === this.#saved.step) return false;
    const { time, step } = this.#saved;
    return this.#stepsDone - step >= saveEvery.steps || secondsSince(time) >= saveEvery.seconds;
  }

  /** Saves the training between two steps, unless its weights are not finite. */
  async #save(isBest: boolean): Promise<void> {
    this.#saved = { time: performance.now(), step: this.#stepsDone };
    const tensors = await tensorsOf(this.parts.network);
    // The next step's loss will report them. Until then, the previous save is the last good one.
    if (!tensors.every(({ values }) => values.every(Number.isFinite))) return;
    const trainingTensors = await trainingTensorsOf(this.parts);
    await this.options.save({ state: this.#state(), isBest, tensors, trainingTensors });
  }

  #state(): TrainingState {
    const { optimizer, average, streams } = this.parts;
    return {
      epoch: this.#epoch,
      stepsInEpoch: this.#stepsInEpoch,
      step: this.#stepsDone,
      sums: { ...this.#sums },
      random: { ...streams.states, dataOrder: [...this.#orderState] },
      lossScale: this.#stepper.lossScale,
      overflowsInARow: this.#overflowsInARow,
      optimizerCount: optimizer.count,
      averageUpdates: average?.updates ?? 0,
      threads: this.options.threads?.count ?? 1,
      validation: this.#validation,
      averaged: this.#averaged,
      bestAccuracy: this.#bestAccuracy,
      seconds: this.#total.seconds,
      secondsInEpoch: this.#inEpoch.seconds,
    };
  }

  #restore(state: TrainingState): void {
    this.#epoch = state.epoch;
    this.#stepsInEpoch = state.stepsInEpoch;
    this.#stepsDone = state.step;
    this.#sums = { ...state.sums };
    this.#stepper.restore(state.lossScale);
    this.#overflowsInARow = state.overflowsInARow;
    this.#validation = state.validation;
    this.#averaged = state.averaged;
    this.#bestAccuracy = state.bestAccuracy;
    this.#saved = { time: performance.now(), step: state.step };
  }
}

/** Reduces an evaluation to the metrics that go into a checkpoint. */
function metricsOf({ loss, accuracy }: Metrics): Metrics {
  return { loss, accuracy };
}

function failedEvent(failure: Failure): FinalEvent {
  return { type: 'failed', time: Date.now(), failure };
}
