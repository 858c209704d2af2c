/** Arguments and options that several commands share, and the functions that interpret them. */
import { resolve } from 'node:path';
import * as l10n from '@vscode/l10n';
import { type Command, InvalidArgumentError } from 'commander';
import { findStore } from '../runs/store';
import { allowFolder } from '../system/allowedFolders';
import { storeLinkError, storeLinksToAllow } from '../system/storeConsent';
import { confirm } from './confirm';
import { type AllowOption, allowFolders } from './dataAccess';
import type { ExitCode, Terminal } from './terminal';

/** Where a command's action writes, and where it reports its exit code. */
export interface CommandContext {
  readonly terminal: Terminal;
  readonly end: (exitCode: ExitCode) => void;
}

export interface JsonOption {
  readonly json?: boolean;
}

export interface FolderOption extends AllowOption {
  readonly folder?: string;
}

/** Options that override values of an experiment file. */
export interface OverrideOptions {
  readonly set?: readonly string[];
  readonly engine?: string;
  readonly seed?: string;
}

/** `<file>` */
export const experimentArgument = () => ['<file>', l10n.t('an experiment file, YAML or JSON')] as const;

/** `<run>`, which `findRun` reads. */
export const runArgument = () => ['<run>', l10n.t("a run id, an id prefix, or 'last'")] as const;

/** `--folder`, which `rootOf` reads. */
export const folderOption = () =>
  ['--folder <dir>', l10n.t('the folder that contains .bag-of-tricks, with the runs')] as const;

/** Adds `--set`, repeatable, which `overridesOf` reads. */
export function withSet(command: Command): Command {
  return command.option(
    '--set <key=value>',
    l10n.t('override a value of the file, such as schedule.epochs=2; may be repeated'),
    (value: string, before: string[] = []) => [...before, value],
  );
}

/**
 * Adds `--set`, `--engine` and `--seed`, which `overridesOf` reads. For every command that takes an experiment to
 * train.
 */
export function withOverrides(command: Command): Command {
  return withSet(command)
    .option('--engine <name>', l10n.t('override the engine of the file'))
    .option('--seed <number>', l10n.t('override the seed of the file'));
}

/**
 * Finds the folder that has the store of the runs. By default, the nearest one at or above the working directory. If
 * the store is a symbolic link, asks the user once.
 *
 * @throws UserError if the link may not be followed
 */
export async function rootOf(terminal: Terminal, options: FolderOption): Promise<string> {
  const { folder } = options;
  const root = folder === undefined ? await findStore(process.cwd()) : resolve(folder);
  await allowFolders(options);
  for (const link of await storeLinksToAllow(root)) {
    const question = l10n.t('{0} is a link to {1}. Allow runs to be stored there?', link.path, link.target);
    if (!(await confirm(terminal, question))) throw storeLinkError(link);
    await allowFolder(link.target);
  }
  return root;
}

/** The overrides from `--engine` and `--seed`, after those from `--set`. */
export function overridesOf({ set = [], engine, seed }: OverrideOptions): string[] {
  return [
    ...set,
    ...(engine === undefined ? [] : [`engine=${engine}`]),
    ...(seed === undefined ? [] : [`seed=${seed}`]),
  ];
}

/** Parses an integer option of at least `least`. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (text.trim() !== '' && Number.isSafeInteger(number) && number >= least) return number;
    throw new InvalidArgumentError(l10n.t('It must be a whole number of at least {0}.', least));
  };
}
