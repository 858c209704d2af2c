import type { z } from 'zod';
import type { Draft } from '../recipe/draft';
import type { Trouble } from '../recipe/trouble';
import type { Path } from '../shared/path';
import type { Systems } from './elsewhere/systems';

/** A problem with a trick's options in an experiment. */
export interface TrickProblem {
  /** Path below the trick's own key. */
  readonly path: Path;
  readonly what: string;
  readonly remedy: string;
}

/** A trick's advice for a trainable experiment. */
export interface Advice {
  /** Path in the experiment that it is about. */
  readonly path: Path;
  readonly what: string;
  readonly remedy: string;
  readonly fix: AdviceFix;
}

/** The fix that follows an advice. */
export type AdviceFix =
  /** Inserts the trick with the options that fit the experiment. */
  | { readonly type: 'insert' }
  | { readonly type: 'remove' }
  /** Sets an option of the trick. */
  | { readonly type: 'set_option'; readonly option: string; readonly value: number | string }
  /** Sets another value of the experiment. */
  | { readonly type: 'set'; readonly path: Path; readonly value: number | string };

/** A row of a paper's table: accuracy in percent without and with the trick. Includes losses. */
export interface Evidence {
  readonly setting: string;
  /** Top-1. */
  readonly without: number;
  readonly with: number;
  /** If the source reports it. */
  readonly top5?: { readonly without: number; readonly with: number };
}

/** Another system's name for a trick. */
export interface Alias {
  /** In lower case with underscores. A person may write hyphens. */
  readonly name: string;
  /** The system that uses the name, such as timm. */
  readonly system: string;
  /** The option that a bare number or text under that name sets. */
  readonly option?: string;
}

/**
 * One trick, with everything that the parser, the recipe, the lenses, the schema and the sidebar need. To add one, add
 * its file and its line in the registry.
 */
export interface Trick<Name extends string = string, Options extends z.ZodObject = z.ZodObject> {
  /** Its key in an experiment file. */
  readonly name: Name;
  /** Names in other systems, which experiment files may use as well. */
  readonly aliases: readonly Alias[];
  title(): string;
  /** Formats its main option in a few words to follow its title, such as '5 epochs'. */
  setting?(options: z.output<Options>): string;
  /** Describes it in a few words that continue its name, such as 'takes weight decay off biases and batch norm'. */
  brief(): string;
  /** Explains in one paragraph what it does and why. */
  summary(): string;
  readonly formula: string;
  /** Section of the paper, or the system that popularized it. */
  readonly source: string;
  /** Link to its source. */
  readonly url: string;
  /** Figures reported by its source, for ResNet-50 on ImageNet unless the setting says otherwise. */
  readonly evidence: readonly Evidence[];
  /**
   * Every option has a default, so `true` selects all defaults. Options that only a person can know are an exception.
   */
  readonly options: Options;
  /** Options whose value is the id of a finished run. */
  readonly runOptions?: readonly string[];
  /** The key of the experiment that has its lens. */
  readonly anchor: Path;
  /** Tricks that it includes. */
  readonly implies?: readonly string[];
  /** Tricks that are incompatible with it. One of the two declares it for both. */
  readonly excludes?: readonly string[];
  /** Training problems that it helps against. A training that fails in that way recommends it. */
  readonly helpsAgainst?: readonly Trouble[];
  /** Whether it changes anything in this experiment, if that varies. If false, it is not offered. */
  fits?(draft: Draft): boolean;
  /** Returns the value to insert under its key to fit this experiment. */
  insertion(draft: Draft): true | z.input<Options>;
  /** Returns the options that cannot work in this experiment. `plain` is the draft before any trick. */
  problems(draft: Draft, options: z.output<Options>, plain: Draft): TrickProblem[];
  /** Returns a number derived from one of its options in this experiment, such as the steps of warmup's epochs. */
  derived?(draft: Draft, options: z.output<Options>): { readonly option: string; readonly text: string };
  /** Returns its advice. `draft` has all tricks of the experiment, `options` is null if this trick is not in. */
  advice?(draft: Draft, options: z.output<Options> | null): Advice[];
  /** Applies the trick to a draft. Only changes the trick's own part. */
  apply(draft: Draft, options: z.output<Options>): Draft;
  /** Its equivalents in other systems, for import and export. "no equivalent" is a valid answer. */
  readonly systems: Systems;
  /** Describes its effect on this experiment in numbers, such as '0.1 at 256 gives 0.4 at 1024'. */
  effect(draft: Draft, options: z.output<Options>): string;
}

/** Gives a trick the type of its own name and options. */
export function defineTrick<const Name extends string, Options extends z.ZodObject>(
  trick: Trick<Name, Options>,
): Trick<Name, Options> {
  return trick;
}
