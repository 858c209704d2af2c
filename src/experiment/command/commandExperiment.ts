import type { CommandSystem, MetricsSource } from '../../recipe/commandRecipe';
import type { TrickName } from '../../tricks/registry';

/** A validated command experiment. Words still contain placeholders, and tricks are not yet arguments. */
export interface CommandExperiment {
  readonly name: string;
  readonly seed: number;
  readonly system: CommandSystem;
  readonly command: readonly string[];
  readonly workingDirectory: string;
  readonly metrics: MetricsSource;
  /** As written; null if the file has none. */
  readonly checkpoint: string | null;
  readonly resume: readonly string[] | null;
  /** As written; null if the file does not say. */
  readonly epochs: number | null;
  readonly environment: Readonly<Record<string, string>>;
  /** The environment variable for the seed. */
  readonly seedVariable: string | null;
  /** The values of placeholders besides the built-in ones. */
  readonly values: Readonly<Record<string, string>>;
  /** The arguments that the file gives, by trick or other name. */
  readonly arguments: Readonly<Record<string, CommandArguments>>;
  readonly tricks: readonly ChosenTrick[];
  /** The names in `arguments` that are no tricks, and whether they are on. */
  readonly switches: Readonly<Record<string, boolean>>;
}

export interface CommandArguments {
  readonly with: readonly string[];
  readonly without: readonly string[];
}

/** A trick that the file switches on or off. */
export interface ChosenTrick {
  readonly name: TrickName;
  /** All options with their defaults; null if it is off. */
  readonly options: Readonly<Record<string, unknown>> | null;
  /** The options that the file gives. */
  readonly given: readonly string[];
}
