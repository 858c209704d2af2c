import type { z } from 'zod';
import type { Draft } from '../recipe/draft';
import type { Trouble } from '../recipe/trouble';
import type { Path } from '../shared/path';
import type { Systems } from './elsewhere/systems';

/** What is wrong with a trick's options in one experiment. */
export interface TrickProblem {
  /** Where, below the trick's own key. */
  readonly path: Path;
  readonly what: string;
  readonly remedy: string;
}

/** What a trick would have a person change in an experiment that can be trained as it is. */
export interface Advice {
  /** The place in the experiment that it is about. */
  readonly path: Path;
  readonly what: string;
  readonly remedy: string;
  readonly fix: AdviceFix;
}

/** What following an advice does. */
export type AdviceFix =
  /** Puts the trick in, with what fits the experiment. */
  | { readonly type: 'insert' }
  | { readonly type: 'remove' }
  /** Gives an option of the trick another value. */
  | { readonly type: 'set_option'; readonly option: string; readonly value: number | string }
  /** Gives another value of the experiment. */
  | { readonly type: 'set'; readonly path: Path; readonly value: number | string };

/** A row of a paper's table: accuracy in percent without and with the trick, losses included. */
export interface Evidence {
  readonly setting: string;
  /** Top-1. */
  readonly without: number;
  readonly with: number;
  /** Where the source reports it. */
  readonly top5?: { readonly without: number; readonly with: number };
}

/** What another system calls a trick. */
export interface Alias {
  /** In lower case with underscores; a person may write hyphens. */
  readonly name: string;
  /** Whose name it is, such as timm. */
  readonly system: string;
  /** The option that a bare number or text under that name sets. */
  readonly option?: string;
}

/**
 * One trick: everything the parser, the recipe, the lenses, the schema and the sidebar need to know of it.
 * Adding one is adding its file and its line in the registry.
 */
export interface Trick<Name extends string = string, Options extends z.ZodObject = z.ZodObject> {
  /** Its key in an experiment file. */
  readonly name: Name;
  /** What other systems call it; an experiment file may, too. */
  readonly aliases: readonly Alias[];
  title(): string;
  /** What it does, in a few words that go on from its name, such as 'takes weight decay off biases and batch norm'. */
  brief(): string;
  /** One paragraph: what it does and why. */
  summary(): string;
  readonly formula: string;
  /** Section of the paper, or the system that made it known. */
  readonly source: string;
  /** Where its source can be read. */
  readonly url: string;
  /** Reported by its source, ResNet-50 on ImageNet unless the setting says otherwise. */
  readonly evidence: readonly Evidence[];
  /** Every option has a default, so that `true` says them all, but for what only a person can know. */
  readonly options: Options;
  /** Options whose value is the id of a finished run. */
  readonly runOptions?: readonly string[];
  /** The key of the experiment that its lens stands at. */
  readonly anchor: Path;
  /** Tricks that it has in it. */
  readonly implies?: readonly string[];
  /** Tricks that it cannot stand beside. Said by one of the two, it holds for both. */
  readonly excludes?: readonly string[];
  /** What it helps against, so that a training that fails so recommends it. */
  readonly helpsAgainst?: readonly Trouble[];
  /** Whether it changes anything in this experiment, where that is not always so; else it is not offered. */
  fits?(draft: Draft): boolean;
  /** What to write under its key to fit this experiment. */
  insertion(draft: Draft): true | z.input<Options>;
  /** What options cannot work in this experiment; `plain` is the draft before any trick. */
  problems(draft: Draft, options: z.output<Options>, plain: Draft): TrickProblem[];
  /** A number that follows from one of its options in this experiment, such as the steps of warmup's epochs. */
  derived?(draft: Draft, options: z.output<Options>): { readonly option: string; readonly text: string };
  /** What it advises: `draft` has every trick of the experiment, `options` are null where this one is not in. */
  advice?(draft: Draft, options: z.output<Options> | null): Advice[];
  /** The draft with the trick applied; touches only the trick's own part of it. */
  apply(draft: Draft, options: z.output<Options>): Draft;
  /** What it is in other systems, both ways; "no equivalent" is an answer. */
  readonly systems: Systems;
  /** What it does to this experiment, in numbers, such as '0.1 at 256 gives 0.4 at 1024'. */
  effect(draft: Draft, options: z.output<Options>): string;
}

/** Types a trick by its own name and options. */
export function defineTrick<const Name extends string, Options extends z.ZodObject>(
  trick: Trick<Name, Options>,
): Trick<Name, Options> {
  return trick;
}
