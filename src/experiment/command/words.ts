import * as l10n from '@vscode/l10n';
import { nearest } from '../../shared/nearest';

/** A reason why a text is no command, as a sentence, and what to do. */
export interface NotWords {
  readonly what: string;
  readonly remedy: string;
}

export type SplitResult =
  | { readonly ok: true; readonly words: readonly string[] }
  | ({ readonly ok: false } & NotWords);

/** Longer texts are not commands. */
const MAX_LENGTH = 1 << 16;

/** The placeholders that every command may use. */
export const PLACEHOLDERS = ['run.folder', 'seed'];

/**
 * Splits a command into words as a POSIX shell does: by spaces, with single quotes, double quotes and backslashes. Text
 * that a shell would expand or execute is refused, because no shell runs the command. `${name}` stays in its word.
 */
export function splitWords(text: string): SplitResult {
  if (text.length > MAX_LENGTH)
    return refused(l10n.t('The command is too long.'), l10n.t('Put it in a script, and call the script.'));
  const words: string[] = [];
  let at = 0;
  while (at < text.length) {
    const gap = /(?:[ \t]|\\\r?\n)+|\s+$/y;
    gap.lastIndex = at;
    if (gap.test(text)) {
      at = gap.lastIndex;
      continue;
    }
    if (/[\r\n]/.test(text[at] ?? '')) {
      // Line breaks before the command mean nothing.
      if (words.length > 0) return severalLines();
      at += 1;
      continue;
    }
    const word = wordAt(text, at);
    if ('what' in word) return { ok: false, ...word };
    words.push(word.value);
    at = word.end;
  }
  return { ok: true, words };
}

interface Word {
  readonly value: string;
  readonly end: number;
}

function wordAt(text: string, start: number): Word | NotWords {
  if (text[start] === '#') return expanded('#', l10n.t('a comment'));
  if (text[start] === '~') {
    return not(
      l10n.t('The command contains {0}, but no shell replaces it.', '~'),
      l10n.t('Write the full path.'),
    );
  }
  let value = '';
  let at = start;
  while (at < text.length) {
    const mark = text[at] ?? '';
    if (/\s/.test(mark)) break;
    if (mark === '\\') {
      const continued = /\\\r?\n/y;
      continued.lastIndex = at;
      if (continued.test(text)) {
        at = continued.lastIndex;
        continue;
      }
      if (at + 1 >= text.length) {
        return not(l10n.t('The command ends with a backslash.'), l10n.t('Remove it.'));
      }
      value += text[at + 1];
      at += 2;
    } else if (mark === "'") {
      const end = text.indexOf("'", at + 1);
      if (end < 0) return unclosed(mark);
      value += text.slice(at + 1, end);
      at = end + 1;
    } else if (mark === '"') {
      const quoted = quotedAt(text, at);
      if ('what' in quoted) return quoted;
      value += quoted.value;
      at = quoted.end;
    } else if (mark === '$' || mark === '`') {
      const found = dollarAt(text, at);
      if ('what' in found) return found;
      value += found.value;
      at = found.end;
    } else {
      const refusal = operatorAt(text, at);
      if (refusal) return refusal;
      value += mark;
      at += 1;
    }
  }
  const pattern = patternIn(text.slice(start, at));
  return pattern ?? { value, end: at };
}

/** Returns the text between double quotes. */
function quotedAt(text: string, start: number): Word | NotWords {
  let value = '';
  for (let at = start + 1; at < text.length; ) {
    const mark = text[at] ?? '';
    if (mark === '"') return { value, end: at + 1 };
    if (mark === '\\') {
      const next = text[at + 1] ?? '';
      if (next !== '\n') value += /[$`"\\]/.test(next) ? next : `\\${next}`;
      at += 2;
    } else if (mark === '$' || mark === '`') {
      const found = dollarAt(text, at);
      if ('what' in found) return found;
      value += found.value;
      at = found.end;
    } else {
      value += mark;
      at += 1;
    }
  }
  return unclosed('"');
}

/** Returns a placeholder, or a dollar sign that stands for itself. */
function dollarAt(text: string, start: number): Word | NotWords {
  const placeholder = /\$\{[^{}\n]*\}/y;
  placeholder.lastIndex = start;
  const [found] = placeholder.exec(text) ?? [];
  if (found !== undefined) return { value: found, end: placeholder.lastIndex };
  const [substitution] = /^(?:\$\(+|`)[^)`\n]{0,30}[)`]?/.exec(text.slice(start)) ?? [];
  if (substitution !== undefined) {
    return not(
      l10n.t('The command contains {0}, but no shell runs it.', substitution),
      l10n.t('Write its result, or put the command in a script and call the script.'),
    );
  }
  const [variable, name = ''] = /^\$\{?([A-Za-z_][\w.]*|[0-9@*#?$!-])?/.exec(text.slice(start)) ?? [];
  if (name === '' && variable === '$') return { value: '$', end: start + 1 };
  const near = nearest(name, PLACEHOLDERS);
  return not(
    l10n.t('The command contains {0}, but no shell replaces it.', variable ?? '$'),
    near === undefined
      ? l10n.t(
          'Write its value, or write {0} in the command and the value under {1}.',
          `\${${/^\w+$/.test(name) && !/^\d/.test(name) ? name : 'name'}}`,
          'trainer.values',
        )
      : l10n.t('Did you mean {0}?', `\${${near}}`),
  );
}

/** Returns the refusal of an operator of the shell. */
function operatorAt(text: string, at: number): NotWords | null {
  const operator = /&&|\|\||;;|>>|<<<|<<|&>|>&|2>|[;&|<>()]/y;
  operator.lastIndex = at;
  const [found] = operator.exec(text) ?? [];
  if (found === undefined || (found === '2>' && !/(?:^|\s)$/.test(text.slice(0, at)))) return null;
  return expanded(found, operatorName(found));
}

function operatorName(operator: string): string {
  if (/^(?:&&|\|\||;|;;)$/.test(operator)) return l10n.t('a second command');
  if (operator === '|') return l10n.t('a pipe');
  if (operator === '&') return l10n.t('a background command');
  if (/[<>]/.test(operator)) return l10n.t('a redirection');
  return l10n.t('a subshell');
}

/** Returns the refusal of a word that a shell would replace by file names or several words. */
function patternIn(raw: string): NotWords | null {
  const bare = raw.replace(/\\[\s\S]|'[^']*'|"(?:[^"\\]|\\[\s\S])*"|\$\{[^{}]*\}/g, '_');
  const found = /[*?]/.exec(bare)?.[0] ?? bracketsIn(bare) ?? bracesIn(bare);
  return found === undefined ? null : expanded(found, l10n.t('a pattern'));
}

function bracketsIn(word: string): string | undefined {
  const start = word.indexOf('[');
  return start >= 0 && word.includes(']', start) ? '[]' : undefined;
}

/** Finds a list such as `{a,b}` or `{1..3}`. */
function bracesIn(word: string): string | undefined {
  const lists = word.split('}').slice(0, -1);
  const isList = lists.some((part) => /,|\.\./.test(part.includes('{') ? part.slice(part.indexOf('{')) : ''));
  return isList ? '{}' : undefined;
}

function expanded(mark: string, kind: string): NotWords {
  return not(
    l10n.t('The command contains {0} ({1}), but no shell runs it.', mark, kind),
    l10n.t(
      'Quote it if the program should get it. Otherwise put the command in a script, and call the script: {0}.',
      'bash train.sh',
    ),
  );
}

function severalLines(): SplitResult {
  return refused(
    l10n.t('The command has several lines.'),
    l10n.t('End each line but the last with a backslash, or fold the lines with > instead of |.'),
  );
}

function unclosed(quote: string): NotWords {
  return not(l10n.t('The quote {0} is not closed.', quote), l10n.t('End the text with {0}.', quote));
}

function not(what: string, remedy: string): NotWords {
  return { what, remedy };
}

function refused(what: string, remedy: string): SplitResult {
  return { ok: false, what, remedy };
}

/** A leading word that sets an environment variable in a shell. */
export function assignmentIn(
  word: string | undefined,
): { readonly name: string; readonly value: string } | null {
  const [, name, value] = /^([A-Za-z_]\w*)=([\s\S]*)$/.exec(word ?? '') ?? [];
  return name === undefined || value === undefined ? null : { name, value };
}

/** Quotes a word if it has more than plain characters and placeholders. */
export function quotedWord(word: string): string {
  return /^(?:[\w@%+=:,./-]|\$\{[\w.]+\})+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
