import * as l10n from '@vscode/l10n';
import { launchOf } from '../import/launch';
import { type ShellWord, type SimpleCommand, shellScriptOf } from '../import/shell';

/** The training command of a shell script, with its variables replaced. */
export interface ScriptCommand {
  readonly words: readonly string[];
  /** The variables that the script sets for the command. */
  readonly environment: Readonly<Record<string, string>>;
  /** The folder that it changes to, relative to the one that it starts in. */
  readonly folder: string;
  /** The script's other commands, as written. */
  readonly others: readonly string[];
}

export type ScriptReading =
  | ({ readonly ok: true } & ScriptCommand)
  | {
      readonly ok: false;
      /** The reason, as a sentence. */
      readonly reason: string;
    };

/** Constructs that run commands several times, or only sometimes. */
const COMPOUND = /^[ \t]*(?:if|for|while|until|case|select|function)\b|\bdo$|\(\)[ \t]*\{/m;
/** Programs that change the environment of later commands in an unknown way. */
const CHANGING = new Set(['source', '.', 'conda', 'module', 'eval', 'unset', 'shift', 'pushd', 'popd']);
/** Programs without an effect on a training. */
const IDLE = new Set(['echo', 'printf', 'set', 'date', 'pwd', 'exit', 'wait', 'true', 'ulimit', 'hostname']);

/** Returns the only training command of a shell script as bash would run it without arguments. */
export function scriptCommand(text: string): ScriptReading {
  const compound = COMPOUND.exec(text)?.[0].trim();
  if (compound !== undefined) {
    return failed(l10n.t('The script contains {0}, so its command is not certain.', compound));
  }
  const { commands, unread } = shellScriptOf(text);
  if (unread !== null) return failed(l10n.t('The script contains {0}, which is not supported.', unread));
  const variables = new Map<string, string | null>();
  const exported = new Map<string, string>();
  const others: string[] = [];
  let folder = '.';
  for (const { words } of commands) {
    const assigned = assignmentsOf(words, variables);
    const [program] = assigned.rest;
    if (!program) {
      for (const [name, value] of assigned.values) variables.set(name, value);
      continue;
    }
    const name = program.value ?? program.raw;
    if (launchOf({ words: assigned.rest }, null)) {
      const expanded = expandedWords(assigned.rest, variables);
      if ('reason' in expanded) return { ok: false, ...expanded };
      const own = assigned.values.find(([, value]) => value === null);
      if (own) return failed(l10n.t('The script computes {0}.', own[0]));
      const set = assigned.values as readonly [string, string][];
      const environment = Object.fromEntries([...exported, ...set]);
      return { ok: true, words: expanded.words, environment, folder, others };
    }
    if (name === 'export') {
      for (const [variable, value] of exportsOf(assigned.rest.slice(1), variables)) {
        if (value === null) return failed(l10n.t('The script computes {0}.', variable));
        variables.set(variable, value);
        exported.set(variable, value);
      }
      continue;
    }
    if (name === 'cd') {
      const next = folderOf(assigned.rest, variables);
      if (next === null) return failed(l10n.t('The script computes the folder that it changes to.'));
      folder = /^[\\/]/.test(next) || folder === '.' ? next : `${folder}/${next}`;
      continue;
    }
    if (CHANGING.has(name)) {
      return failed(l10n.t('The script changes its environment with {0}.', rawOf({ words })));
    }
    if (!IDLE.has(name)) others.push(rawOf({ words }));
  }
  return failed(l10n.t('The script contains no command that starts a training.'));
}

function failed(reason: string): ScriptReading {
  return { ok: false, reason };
}

function rawOf({ words }: SimpleCommand): string {
  return words.map(({ raw }) => raw).join(' ');
}

type Variables = ReadonlyMap<string, string | null>;

/** Returns the variables set at the start of a command, null for those that are computed, and the rest of its words. */
function assignmentsOf(
  words: readonly ShellWord[],
  variables: Variables,
): { readonly values: readonly (readonly [string, string | null])[]; readonly rest: readonly ShellWord[] } {
  const first = words.findIndex(({ raw }) => !/^[A-Za-z_]\w*=/.test(raw));
  const count = first < 0 ? words.length : first;
  return {
    values: words.slice(0, count).map((word) => assignmentOf(word, variables)),
    rest: words.slice(count),
  };
}

function assignmentOf({ raw }: ShellWord, variables: Variables): readonly [string, string | null] {
  const at = raw.indexOf('=');
  // An assignment is not split into words.
  return [raw.slice(0, at), expandedText(raw.slice(at + 1), variables)?.join(' ') ?? null];
}

function exportsOf(words: readonly ShellWord[], variables: Variables): (readonly [string, string | null])[] {
  return words.map((word) =>
    word.raw.includes('=') ? assignmentOf(word, variables) : [word.raw, variables.get(word.raw) ?? null],
  );
}

/** Returns the folder of a `cd`, also relative to the script's own. Null if it is computed. */
function folderOf(words: readonly ShellWord[], variables: Variables): string | null {
  const [, to, more] = words;
  if (!to || more) return null;
  const own = /^"?\$\(dirname "?\$0"?\)"?((?:\/[\w.-]+)*)"?$/.exec(to.raw);
  if (own) return `.${own[1] ?? ''}`;
  const [folder, ...others] = expandedText(to.raw, variables) ?? [];
  return folder !== undefined && others.length === 0 && !folder.startsWith('~') ? folder : null;
}

function expandedWords(
  words: readonly ShellWord[],
  variables: Variables,
): { readonly words: readonly string[] } | { readonly reason: string } {
  const expanded: string[] = [];
  for (const { raw, value } of words) {
    // Without arguments of the script there are none.
    if (/^"?\$(?:@|\*|\{[@*]\})"?$/.test(raw)) continue;
    const found = value === null ? expandedText(raw, variables) : [value];
    if (found === null) return { reason: l10n.t('The script computes {0}.', raw) };
    expanded.push(...found);
  }
  return { words: expanded };
}

/** Expands the variables in a word as written. Null if it contains anything else that a shell would compute. */
function expandedText(raw: string, variables: Variables): string[] | null {
  const words: string[] = [];
  let word: string | null = null;
  const add = (text: string) => {
    word = (word ?? '') + text;
  };
  const part =
    /'([^']*)'|"((?:[^"\\`]|\\[\s\S])*)"|\\([\s\S])|\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})|([^\s'"\\$`*?[\]{}~]+)/y;
  while (part.lastIndex < raw.length) {
    const found = part.exec(raw);
    if (!found) return null;
    const [, single, double, escaped, bare, braced, plain] = found;
    const name = bare ?? braced;
    if (single !== undefined) add(single);
    else if (double !== undefined) {
      const text = expandedQuoted(double, variables);
      if (text === null) return null;
      add(text);
    } else if (escaped !== undefined) {
      if (escaped !== '\n') add(escaped);
    } else if (name !== undefined) {
      const value = variables.get(name) ?? null;
      if (value === null || /[*?[\]\\]/.test(value)) return null;
      const [first = '', ...rest] = value.split(/[ \t\n]+/);
      add(first);
      for (const next of rest) {
        if (word !== '') words.push(word ?? '');
        word = next;
      }
    } else add(plain ?? '');
  }
  const isQuoted = /['"]/.test(raw);
  if (word !== null && (word !== '' || isQuoted)) words.push(word);
  return raw === '' ? [''] : words;
}

/** Expands the variables in the text between double quotes. */
function expandedQuoted(text: string, variables: Variables): string | null {
  let isKnown = true;
  const expanded = text.replace(
    /\\([$`"\\\n])|\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})|\$[({@*#?!\d-]/g,
    (_, escaped: string | undefined, bare: string | undefined, braced: string | undefined) => {
      if (escaped !== undefined) return escaped === '\n' ? '' : escaped;
      const value = variables.get(bare ?? braced ?? '') ?? null;
      isKnown &&= value !== null;
      return value ?? '';
    },
  );
  return isKnown ? expanded : null;
}
