import * as l10n from '@vscode/l10n';
import { LineSplitter } from '../interop/output/lines';
import type { OutputReader, Reading } from '../interop/output/reading';
import { sourcesOf } from '../interop/output/sources';
import type { RunEvent, RunResult } from '../protocol/events';
import type { EpochEvent, StepEvent } from '../protocol/standing';
import type { CommandRecipe } from '../recipe/commandRecipe';
import { type Failure, messageOf } from '../shared/failure';
import type { BoundedLog } from './boundedLog';
import type { ReadyCommand } from './commandLine';
import { divergenceFailure } from './divergence';
import { MetricsFiles } from './metricsFiles';
import { MetricsTimeline } from './metricsTimeline';

/** Lines of the output that are kept to explain a crash, and characters of each. */
const LAST_LINES = 400;
const LINE_CHARACTERS = 2000;

/** How long a command may print nothing before the run says so. */
const SILENCE_MS = 10 * 60_000;

/** Variable that shortens it, for tests. */
const SILENCE = 'BAG_OF_TRICKS_SILENCE_MS';

/** Minimum time between two looks at the files because of an epoch in the output. */
const LOOK_MS = 50;

/** Characters of a command that a note shows. */
const SHOWN_CHARACTERS = 200;

export interface OutputOptions {
  readonly recipe: CommandRecipe;
  readonly runFolder: string;
  /** The steps and epochs that the command continues. */
  readonly history: readonly (StepEvent | EpochEvent)[];
  readonly isResumed: boolean;
  readonly log: BoundedLog;
  readonly emit: (event: RunEvent) => void;
  /** Called now and then. */
  readonly onPoll: () => void;
  /** Called with the path of each checkpoint that the command reports, as in the output. */
  readonly onCheckpoint: (path: string) => void;
}

/** A reader of one of the output's streams. */
interface StreamReader {
  readonly name: string;
  readonly reader: OutputReader;
  isBroken: boolean;
}

/** Reads everything that a command prints and writes, and makes the run's events and log of it. */
export class CommandOutput {
  readonly #timeline: MetricsTimeline;
  readonly #files: MetricsFiles;
  readonly #streams: Readonly<
    Record<
      'stdout' | 'stderr',
      { readonly splitter: LineSplitter; readonly readers: readonly StreamReader[] }
    >
  >;
  #lines: string[] = [];
  /** The epoch of the last reading of the output. */
  #epoch: number | null = null;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #hasBegun = false;
  #heardAt = performance.now();
  #isSilent = false;
  readonly #silenceMs = Number(process.env[SILENCE]) || SILENCE_MS;
  #running = '';
  #timer: NodeJS.Timeout | null = null;

  constructor(private readonly options: OutputOptions) {
    const { recipe, runFolder, history, emit, log } = options;
    const sources = sourcesOf(recipe.system, recipe.metrics, evaluatesAverage(recipe));
    this.#timeline = new MetricsTimeline({ emit, epochs: recipe.epochs, history });
    this.#files = new MetricsFiles(
      runFolder,
      sources,
      (name, readings) => this.#takeFromFile(name, readings),
      (text) => log.note(text),
    );
    const readers = (stream: string) =>
      sources
        .filter(({ where }) => where === 'output')
        .map((source, index) => ({ name: `${stream} ${index}`, reader: source.reader(), isBroken: false }));
    this.#streams = {
      stdout: { splitter: new LineSplitter(), readers: readers('stdout') },
      stderr: { splitter: new LineSplitter(), readers: readers('stderr') },
    };
  }

  get hasMetrics(): boolean {
    return this.#timeline.hasMetrics;
  }

  get totalEpochs(): number | null {
    return this.#timeline.totalEpochs;
  }

  /** The last lines that the command printed. */
  get lastLines(): readonly string[] {
    return this.#lines.slice(-LAST_LINES);
  }

  /** The failure of a command that ended with a loss that is not a number. Null otherwise. */
  get divergence(): Failure | null {
    const { lostLoss } = this.#timeline;
    return lostLoss && divergenceFailure(lostLoss);
  }

  result(seconds: number): RunResult {
    return this.#timeline.result(seconds);
  }

  /** Begins to read, before the command starts. What is in the files by then is of earlier attempts. */
  begin({ word, args }: ReadyCommand): void {
    const text = [word, ...args].join(' ');
    this.#running = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}...` : text;
    this.options.log.note(l10n.t('Running {0}', text));
    this.#tell(l10n.t('Running {0}', this.#running));
    this.#files.readToEnd();
    this.#hasBegun = true;
    this.#files.watch();
    this.#heardAt = performance.now();
    this.#timer = setInterval(() => this.#poll(), Math.min(1000, this.#silenceMs / 2));
  }

  /** Takes what the command printed. */
  take(bytes: Uint8Array, stream: 'stdout' | 'stderr'): void {
    this.#hear();
    this.options.log.write(bytes);
    this.#takeLines(stream, this.#streams[stream].splitter.push(bytes));
  }

  /** Reads everything that is left, after the command has ended. */
  end(): void {
    for (const stream of ['stdout', 'stderr'] as const) {
      this.#takeLines(stream, this.#streams[stream].splitter.end());
    }
    this.#files.readToEnd();
    this.#timeline.end();
    this.options.log.end();
  }

  /** Stops all watching. */
  close(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#files.close();
  }

  #takeLines(stream: 'stdout' | 'stderr', lines: readonly string[]): void {
    for (const line of lines) {
      for (const reader of this.#streams[stream].readers) this.#readLine(reader, line);
      if (line !== '') this.#lines.push(line.slice(0, LINE_CHARACTERS));
    }
    if (this.#lines.length > 2 * LAST_LINES) this.#lines = this.#lines.slice(-LAST_LINES);
  }

  #readLine(reader: StreamReader, line: string): void {
    if (reader.isBroken || reader.reader.from !== 'lines') return;
    let readings: readonly Reading[];
    try {
      readings = reader.reader.read(line);
    } catch (error) {
      reader.isBroken = true;
      this.options.log.note(l10n.t('The output is not read as metrics: {0}.', messageOf(error)));
      return;
    }
    if (readings.length === 0) return;
    this.#lookAtFiles(readings);
    this.#pass(reader.name, readings);
  }

  /** Reads the files before an epoch of the output, so that the metrics in them come before those of the next epoch. */
  #lookAtFiles(readings: readonly Reading[]): void {
    const epochs = readings.flatMap((reading) =>
      reading.kind === 'step' || reading.kind === 'epoch' ? (reading.epoch ?? []) : [],
    );
    const epoch = epochs.at(-1) ?? this.#epoch;
    const isSame = epoch === this.#epoch;
    this.#epoch = epoch;
    if (isSame || performance.now() - this.#lookedAt < LOOK_MS) return;
    this.#files.read();
    this.#lookedAt = performance.now();
  }

  #takeFromFile(name: string, readings: readonly Reading[]): void {
    this.#pass(name, this.#hasBegun ? readings : this.#unrecorded(readings));
    if (this.#hasBegun) this.#hear();
  }

  /** Of the readings of earlier attempts: the epochs that their trainer could not record before it was killed. */
  #unrecorded(readings: readonly Reading[]): readonly Reading[] {
    const last = this.options.history.findLast((event) => event.type === 'epoch')?.epoch ?? -1;
    const { isResumed } = this.options;
    return readings.filter(
      (reading) =>
        reading.kind === 'length' || (isResumed && reading.kind === 'epoch' && reading.epoch > last),
    );
  }

  #pass(source: string, readings: readonly Reading[]): void {
    this.#timeline.take(source, readings);
    for (const reading of readings)
      if (reading.kind === 'checkpoint') this.options.onCheckpoint(reading.path);
  }

  #hear(): void {
    this.#heardAt = performance.now();
    if (!this.#isSilent) return;
    this.#isSilent = false;
    this.#tell(l10n.t('Running {0}', this.#running));
  }

  #poll(): void {
    this.options.onPoll();
    if (this.#isSilent || performance.now() - this.#heardAt < this.#silenceMs) return;
    this.#isSilent = true;
    this.#tell(l10n.t('No output for {0} min', Math.round(this.#silenceMs / 60_000)));
  }

  #tell(what: string): void {
    this.options.emit({ type: 'preparing', time: Date.now(), what, share: null });
  }
}

/** Whether timm's train.py evaluates a moving average of the weights. */
function evaluatesAverage({ command }: CommandRecipe): boolean {
  return command.includes('--model-ema') && !command.includes('--model-ema-force-cpu');
}
