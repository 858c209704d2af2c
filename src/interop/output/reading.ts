/**
 * What a training program's output says, in our units: accuracies from 0 to 1, epochs and steps from 0. A missing
 * metric was not in the output. The format's reader fixes units and the first epoch, and never guesses them from values.
 */

/**
 * Metrics under our names. Everything else is in `other`, under the name in the output. A number may be NaN or infinite,
 * such as the loss of a training that diverged.
 */
export interface Metrics {
  /** Of the step's batch, or the mean over the epoch's. */
  readonly loss?: number;
  readonly accuracy?: number;
  readonly learningRate?: number;
  readonly imagesPerSecond?: number;
  readonly validationLoss?: number;
  readonly validationAccuracy?: number;
  readonly validationTop5?: number;
  /** Validation accuracy with the moving average of the weights. */
  readonly averagedAccuracy?: number;
  readonly other?: Readonly<Record<string, number>>;
}

/**
 * Readings of the same epoch, or of the same step, complete one another, and a later value replaces an earlier one:
 * some formats split them over lines, and a resumed training repeats them.
 */
export type Reading =
  /** `step` counts over the whole training. Null if the output does not count steps. */
  | {
      readonly kind: 'step';
      readonly step: number | null;
      readonly epoch: number | null;
      readonly metrics: Metrics;
    }
  /** An epoch ended. `step` is the number of steps done, null if unknown. */
  | {
      readonly kind: 'epoch';
      readonly epoch: number;
      readonly step: number | null;
      readonly metrics: Metrics;
    }
  /** How long the training will be. */
  | {
      readonly kind: 'length';
      readonly epochs?: number;
      readonly stepsPerEpoch?: number;
      readonly totalSteps?: number;
    }
  /** A checkpoint was saved. The path is as in the output, or below the run's folder if a file was found. */
  | { readonly kind: 'checkpoint'; readonly path: string };

/** Reads one stream or file. Keeps state between calls, so create one per stream. */
export type OutputReader =
  /** Gets each line as `LineSplitter` gives it: without its line break and escape sequences. */
  | { readonly from: 'lines'; read(line: string): readonly Reading[] }
  /**
   * Gets the whole file each time it changes. Repeats earlier readings. A row without a line break is unfinished, and
   * gives no reading yet.
   */
  | { readonly from: 'whole'; read(text: string): readonly Reading[] }
  /** Gets the next bytes of a growing file. */
  | { readonly from: 'bytes'; read(bytes: Uint8Array): readonly Reading[] };

/** A place where a system writes metrics. */
export interface OutputSource {
  /**
   * `output` is what the program prints. Otherwise a pattern of paths below the run's folder: `*` is any part of a
   * name, `**` any folders or none. `output` has standard output and standard error, because timm prints to the latter.
   * Each is split into lines by itself, and both give their lines to one reader.
   */
  readonly where: 'output' | { readonly files: string };
  /**
   * Creates the reader of a stream or file.
   *
   * @param path of the file below the run's folder, with forward slashes. Some formats tell by it what a file has.
   */
  reader(path?: string): OutputReader;
}
