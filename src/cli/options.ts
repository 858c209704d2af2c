/** Arguments and options that several commands take, with what they come to. */
import { resolve } from 'node:path';
import * as l10n from '@vscode/l10n';
import { type Command, InvalidArgumentError } from 'commander';
import { findStore } from '../runs/store';
import { allowFolder } from '../system/allowedFolders';
import { storeLinkError, storeLinksToAllow } from '../system/storeConsent';
import { confirm } from './confirm';
import { type AllowOption, allowFolders } from './dataAccess';
import type { ExitCode, Terminal } from './terminal';

/** What a command's action writes to, and whom it gives its exit code. */
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

/** The options of a command that replace what an experiment file says. */
export interface OverrideOptions {
  readonly set?: readonly string[];
  readonly engine?: string;
  readonly seed?: string;
}

/** `<file>` */
export const experimentArgument = () => ['<file>', l10n.t('an experiment file, YAML or JSON')] as const;

/** `<run>`, which `findRun` reads. */
export const runArgument = () => ['<run>', l10n.t("a run's id, its beginning, or 'last'")] as const;

/** `--folder`, which `rootOf` reads. */
export const folderOption = () =>
  ['--folder <dir>', l10n.t('the folder that keeps the runs, in .bag-of-tricks')] as const;

/** `--set`, any number of times, which `overridesOf` reads. */
export function withSet(command: Command): Command {
  return command.option(
    '--set <key=value>',
    l10n.t('replace a value of the file, such as schedule.epochs=2; may be repeated'),
    (value: string, before: string[] = []) => [...before, value],
  );
}

/**
 * Whose store keeps the runs; by default the nearest at or above the working folder. Where the store is a link, its person is
 * asked about it once.
 *
 * @throws UserError where it may not be followed
 */
export async function rootOf(terminal: Terminal, options: FolderOption): Promise<string> {
  const { folder } = options;
  const root = folder === undefined ? await findStore(process.cwd()) : resolve(folder);
  await allowFolders(options);
  for (const link of await storeLinksToAllow(root)) {
    const question = l10n.t('{0} is a link to {1}. May runs be kept there?', link.path, link.target);
    if (!(await confirm(terminal, question))) throw storeLinkError(link);
    await allowFolder(link.target);
  }
  return root;
}

/** The overrides that the options `--engine` and `--seed` stand for, after those of `--set`. */
export function overridesOf({ set = [], engine, seed }: OverrideOptions): string[] {
  return [
    ...set,
    ...(engine === undefined ? [] : [`engine=${engine}`]),
    ...(seed === undefined ? [] : [`seed=${seed}`]),
  ];
}

/** Reads an option's number, a whole one from `least` on. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (text.trim() !== '' && Number.isSafeInteger(number) && number >= least) return number;
    throw new InvalidArgumentError(l10n.t('It has to be a whole number from {0}.', least));
  };
}
