/**
 * The recipe of a command trainer: another program that trains, such as timm's train.py, and how to read its output.
 * Plain data, like the recipe of our own trainer.
 */

/** Version of the format. Raise it if an existing field changes its meaning or is removed. */
export const COMMAND_RECIPE_VERSION = 1;

/** The training systems whose options and output are known. `generic` is any other program. */
export const COMMAND_SYSTEMS = ['timm', 'torchvision', 'mmpretrain', 'generic'] as const;
export type CommandSystem = (typeof COMMAND_SYSTEMS)[number];

/** The metrics that a person can assign to columns, groups or tags of a trainer's output. */
export const COMMAND_METRICS = [
  'step',
  'epoch',
  'loss',
  'accuracy',
  'learning_rate',
  'images_per_second',
  'validation_loss',
  'validation_accuracy',
  'validation_top5',
] as const;
export type CommandMetric = (typeof COMMAND_METRICS)[number];

/** The name of each metric in the output. Accuracies are fractions unless `percent` says otherwise. */
export interface MetricNames {
  readonly names: Readonly<Partial<Record<CommandMetric, string>>>;
  /** Whether the output has accuracies in percent. */
  readonly percent: boolean;
  /** The number of the first epoch in the output. */
  readonly firstEpoch: 0 | 1;
}

/** Where a command trainer's metrics are. Paths of files are relative to the run's folder. */
export type MetricsSource =
  /** As the system writes them. */
  | { readonly kind: 'auto' }
  | ({ readonly kind: 'csv'; readonly path: string } & MetricNames)
  /** A regular expression whose named groups are metrics, applied to each line of the output. */
  | {
      readonly kind: 'stdout';
      readonly pattern: string;
      readonly percent: boolean;
      readonly firstEpoch: 0 | 1;
    }
  /** JSON lines in the output (`path` is null) or in a file. */
  | { readonly kind: 'json_lines'; readonly path: string | null }
  /** A folder with event files. */
  | ({ readonly kind: 'tensorboard'; readonly path: string } & MetricNames);

/** Everything that a command trainer needs to run. */
export interface CommandRecipe {
  readonly kind: 'command';
  readonly version: number;
  readonly name: string;
  readonly tricks: readonly string[];
  readonly seed: number;
  readonly system: CommandSystem;
  /**
   * The program and its arguments, with the options of the tricks. `${seed}` and study factors are filled in.
   * `${run.folder}` is not: the trainer does it.
   */
  readonly command: readonly string[];
  /** Absolute, or relative to the folder of the experiment file. */
  readonly workingDirectory: string;
  /**
   * Environment variables for the command, such as one for the seed. `${run.folder}` is not yet filled in here, either.
   */
  readonly environment: Readonly<Record<string, string>>;
  readonly metrics: MetricsSource;
  /** Relative to the run's folder; null if the command saves none. */
  readonly checkpoint: string | null;
  /** Arguments that resume from the checkpoint, with `${checkpoint}` not yet filled in; null if it cannot resume. */
  readonly resume: readonly string[] | null;
  /** Number of epochs according to the command, null if unknown. */
  readonly epochs: number | null;
  /** The model and data set according to the command, null if unknown. */
  readonly model: string | null;
  readonly dataset: string | null;
  /** Number of training processes on one machine, each with its own GPU, if the command starts more than one. */
  readonly processes?: number;
}
