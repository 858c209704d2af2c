import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as l10n from '@vscode/l10n';
import {
  type Classified,
  type FromPredictor,
  fromPredictorSchema,
  type TestResult,
  type ToPredictor,
  type WeightsChoice,
} from '../protocol/predictor';
import type { Failure } from '../shared/failure';
import { messageOf } from '../shared/failure';
import { UserError } from '../shared/userError';
import { fork } from '../system/children';
import { isOutOfMemory, outOfMemoryRemedy } from '../system/errors';
import { tellingLines } from './ending';
import { trainerEnvironment } from './trainerCommand';

/** How to start the predictor. */
export interface PredictorCommand {
  /** Path of Node, or of an Electron that can run as Node. */
  readonly nodePath: string;
  /** The predictor's bundle. */
  readonly predictorPath: string;
  /** The environment to clean and pass on. By default, that of this process. */
  readonly env?: NodeJS.ProcessEnv;
}

/** Which weights of a run to use, and on which engine. */
export interface PredictorOptions {
  readonly weights: WeightsChoice;
  /** Replaces the recipe's engine. */
  readonly engine?: string | undefined;
}

type Preparing = Extract<FromPredictor, { type: 'preparing' }>;
type Ready = Extract<FromPredictor, { type: 'ready' }>;

/** How many bytes of the end of the process's output to include in a failure. */
const TAIL_BYTES = 2000;

/**
 * A process that has a trained run's weights loaded and serves requests about images, one at a time. It ends on
 * `close`, and with the process that started it.
 */
export class RunPredictor {
  readonly #process: ChildProcess;
  /** Answers that nobody has requested yet. */
  readonly #answers: FromPredictor[] = [];
  #waiting: { resolve(answer: FromPredictor): void; reject(error: Error): void } | null = null;
  #ended: UserError | null = null;
  #tail = '';

  /**
   * Starts the process and waits until it has loaded the weights.
   *
   * @throws UserError
   */
  static async start(
    runFolder: string,
    { weights, engine }: PredictorOptions,
    command: PredictorCommand,
  ): Promise<{ readonly predictor: RunPredictor; readonly ready: Ready }> {
    const { predictorPath } = command;
    if (!existsSync(predictorPath)) {
      throw new UserError({
        what: l10n.t('A program is missing: {0} does not exist.', predictorPath),
        remedy: l10n.t('Reinstall Bag of Tricks, or build it.'),
      });
    }
    const predictor = new RunPredictor([runFolder, weights, ...(engine ? [engine] : [])], command);
    try {
      return { predictor, ready: await predictor.#answer('ready') };
    } catch (error) {
      predictor.close();
      throw error;
    }
  }

  private constructor(
    args: readonly string[],
    { nodePath, predictorPath, env = process.env }: PredictorCommand,
  ) {
    this.#process = fork(predictorPath, [...args], {
      execPath: nodePath,
      execArgv: [],
      env: trainerEnvironment(env),
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const output of [this.#process.stdout, this.#process.stderr]) {
      output?.on('data', (data: Buffer) => {
        this.#tail = (this.#tail + data.toString()).slice(-TAIL_BYTES);
      });
    }
    this.#process.on('message', (message) => this.#receive(message));
    this.#process.on('error', (error) => this.#end(startFailure(nodePath, error)));
    this.#process.on('exit', (code, signal) => this.#end(this.#exitFailure(code, signal)));
  }

  /**
   * Classifies images and reports the result of each, in order.
   *
   * @param top number of classes per image
   * @throws UserError if the process ends before all images are done
   */
  async classify(
    paths: readonly string[],
    top: number,
    onClassified: (result: Classified) => void,
  ): Promise<void> {
    this.#send({ type: 'classify', paths: [...paths], top });
    for (let done = 0; done < paths.length; done++) {
      onClassified((await this.#answer('classified')).result);
    }
    await this.#answer('done');
  }

  /**
   * Evaluates the run on its data set's test images.
   *
   * @throws UserError if there are none, or if they cannot be read
   */
  async test(onPreparing: (preparing: Preparing) => void = () => {}): Promise<TestResult> {
    this.#send({ type: 'test' });
    return (await this.#answer('tested', onPreparing)).result;
  }

  /** Ends the process. */
  close(): void {
    if (this.#process.connected) this.#process.disconnect();
    this.#process.kill();
  }

  /** Waits for the next answer, which must have the given type. Reports preparation messages on the way. */
  async #answer<Type extends FromPredictor['type']>(
    type: Type,
    onPreparing: (preparing: Preparing) => void = () => {},
  ): Promise<Extract<FromPredictor, { type: Type }>> {
    for (;;) {
      const answer = await this.#next();
      if (answer.type === 'failed') throw new UserError(answer.failure);
      if (answer.type === type) return answer as Extract<FromPredictor, { type: Type }>;
      if (answer.type !== 'preparing')
        throw new Error(`The predictor answers ${answer.type}, and not ${type}`);
      onPreparing(answer);
    }
  }

  #next(): Promise<FromPredictor> {
    const answer = this.#answers.shift();
    if (answer) return Promise.resolve(answer);
    if (this.#ended) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  #receive(message: unknown): void {
    const { data: answer } = fromPredictorSchema.safeParse(message);
    if (!answer) return;
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting) waiting.resolve(answer);
    else this.#answers.push(answer);
  }

  #send(message: ToPredictor): void {
    // If the channel is closed, the exit of the process reports it.
    this.#process.send(message, () => {});
  }

  #end(failure: Failure): void {
    this.#ended ??= new UserError(failure);
    this.#waiting?.reject(this.#ended);
    this.#waiting = null;
  }

  #exitFailure(code: number | null, signal: NodeJS.Signals | null): Failure {
    const tail = tellingLines(this.#tail);
    const what = signal
      ? l10n.t('The prediction process was killed by {0}.', signal)
      : l10n.t('The prediction process exited with code {0}.', code ?? '?');
    return {
      what,
      remedy:
        signal === 'SIGKILL' || isOutOfMemory(tail)
          ? outOfMemoryRemedy()
          : l10n.t('Try again, with another engine if possible.'),
      ...(tail && { log: tail }),
    };
  }
}

function startFailure(nodePath: string, error: unknown): Failure {
  return {
    what: l10n.t('The prediction process could not be started: {0}', messageOf(error)),
    remedy: l10n.t('Check that {0} is Node.js 20 or later.', nodePath),
  };
}
