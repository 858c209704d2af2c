import * as l10n from '@vscode/l10n';
import type { CommandSystem } from '../../recipe/commandRecipe';
import { isMapping } from '../../shared/values';
import type { Changes, Settings } from '../../tricks/elsewhere/mapping';
import type { Adapter, ReadText } from '../import/adapter';
import { optionOf, type ReadFlag } from '../import/argparse';
import { type Launch, launchOf } from '../import/launch';
import type { ShellWord } from '../import/shell';

/** The systems whose options are known. */
export type KnownSystem = Exclude<CommandSystem, 'generic'>;

/** A command of a known system, with its settings and the options that it has for them. */
export interface OpenCommand {
  readonly settings: Settings;
  /** Returns the option that sets a setting, and its value. Null if the command has none. */
  optionAt(setting: string): GivenOption | null;
  /** Returns the words of the command with the changes, or why they cannot be written. */
  edited(changes: Changes): EditedCommand;
  /** How the command writes each trick. */
  readonly tricks: Adapter['tricks'];
  /** Converts the settings to an experiment without tricks. */
  experiment(): ReturnType<Adapter['experiment']>;
}

export interface GivenOption {
  /** As written, without its value. */
  readonly option: string;
  readonly value: unknown;
}

export type EditedCommand =
  | { readonly ok: true; readonly words: readonly string[] }
  | { readonly ok: false; readonly reason: string };

/** Why a command cannot be read as one of its system. */
export interface RejectedCommand {
  readonly rejected: string;
  readonly remedy: string;
  /** The misspelled option, and the one that was probably meant. */
  readonly typo?: { readonly written: string; readonly meant: string };
}

/** The surroundings of a command: what may set its number of processes, and the files that it names. */
export interface CommandPlace {
  readonly environment: Readonly<Record<string, string>>;
  /** Absolute, or relative to the folder of the experiment file. */
  readonly workingDirectory: string;
  /** The experiment file's path, to which the paths that `readText` gets are relative in the same way. */
  readonly fileName: string;
  readonly readText: ReadText;
}

/** Environment variables that set the number of processes of a program started without a launcher. */
const PROCESSES = /^(?:WORLD_SIZE|SLURM_\w+)$/;

/**
 * Returns the training that a command starts. The script may have any name, because the system is known: it is the
 * first Python file.
 */
export function launchOfScript(
  words: readonly ShellWord[],
  environment: Readonly<Record<string, string>>,
): Launch | null {
  const setting = Object.keys(environment).find((name) => PROCESSES.test(name)) ?? null;
  const launch = launchOf({ words }, setting);
  if (launch) return launch;
  const script = words.find(({ value }) => value?.endsWith('.py'));
  const renamed = words.map((word) => (word === script ? { ...word, value: 'train.py' } : word));
  return script ? launchOf({ words: renamed }, setting) : null;
}

export function noScript(system: string): RejectedCommand {
  return {
    rejected: l10n.t("The command does not start {0}'s training script.", system),
    remedy: l10n.t('Write it as {0}, or write {1}.', 'python train.py ...', 'system: generic'),
  };
}

/** Returns the option that sets a setting among a command's options. */
export function optionAt(flags: readonly ReadFlag[], setting: string): GivenOption | null {
  const [name = '', ...keys] = setting.split('.');
  const flag = flags.findLast((each) => each.setting === name);
  if (!flag) return null;
  const option = flag.word.value?.split('=')[0] ?? optionOf(name);
  if (keys.length === 0) return { option, value: flag.value };
  const key = keys.join('.');
  if (!isMapping(flag.value) || !Object.hasOwn(flag.value, key)) return null;
  return { option: `${option} ${key}`, value: flag.value[key] };
}
