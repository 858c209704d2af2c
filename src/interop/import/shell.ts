import * as l10n from '@vscode/l10n';

/** A word of a command. */
export interface ShellWord {
  readonly start: number;
  readonly end: number;
  /** As it is written. */
  readonly raw: string;
  /** The word that the program receives, null if that would require running the script. */
  readonly value: string | null;
  /** Whether it may expand to several words or none, like an unquoted `$ARGS`. */
  readonly isSplit: boolean;
}

/** A simple command: the words up to an operator or the end of the line, without redirections. */
export interface SimpleCommand {
  readonly words: readonly ShellWord[];
}

/** The commands of a script, as far as it is understood. */
export interface ShellScript {
  readonly commands: readonly SimpleCommand[];
  /** The construct that is not understood and makes every command uncertain. Null if there is none. */
  readonly unread: string | null;
}

/** Words that may precede a command within a compound command. */
const RESERVED = new Set(['if', 'then', 'elif', 'else', 'while', 'until', 'do', '!', '{', 'time']);

/**
 * Finds the simple commands of a POSIX shell or bash script. Handles quotes, comments, line continuations, and commands
 * inside loops and conditions. Reports anything else as unread.
 */
export function shellScriptOf(text: string): ShellScript {
  const commands: SimpleCommand[] = [];
  let words: ShellWord[] = [];
  let unread: string | null = null;
  const delimiters: { readonly word: string; readonly isIndented: boolean }[] = [];
  let skipsWord: 'redirection' | 'here' | 'here-' | null = null;
  const finish = () => {
    while (words[0] && RESERVED.has(words[0].raw)) words.shift();
    if (words[0]?.raw === 'case') unread ??= l10n.t('a case statement');
    if (words[0]?.raw === 'function') unread ??= l10n.t('a function');
    if (words.length > 0) commands.push({ words });
    words = [];
  };
  for (let at = 0; at < text.length; ) {
    const gap = /(?:[ \t\r]|\\\r?\n)+/y;
    gap.lastIndex = at;
    if (gap.test(text)) {
      at = gap.lastIndex;
      continue;
    }
    const mark = text[at]!;
    if (mark === '#') {
      at = endOfLine(text, at);
    } else if (mark === '\n') {
      finish();
      at += 1;
      while (delimiters.length > 0) at = afterHere(text, at, delimiters.shift()!);
    } else if (/[<>]/.test(mark) || (mark === '&' && text[at + 1] === '>')) {
      const operator = /&?(?:<<<|<<-|<<|<>|<&|<|>>|>&|>\||>)/y;
      operator.lastIndex = at;
      const [found = mark] = operator.exec(text) ?? [];
      at += found.length;
      if (/[<>]$/.test(found) && text[at] === '(') unread ??= l10n.t('a process substitution');
      skipsWord = found === '<<' ? 'here' : found === '<<-' ? 'here-' : 'redirection';
    } else if (/[;&|]/.test(mark)) {
      finish();
      at += 1;
    } else if (mark === '(' || mark === ')') {
      // A word before it makes it an array or a function.
      if (mark === '(' && words.length > 0)
        unread ??= l10n.t('an array, a function or another use of parentheses');
      finish();
      at += 1;
    } else {
      const word = wordAt(text, at);
      if (word === null) return { commands, unread: l10n.t('an unterminated quote') };
      at = word.end;
      if (skipsWord === 'here' || skipsWord === 'here-') {
        unread ??= l10n.t('a here-document');
        delimiters.push({ word: word.raw.replace(/["'\\]/g, ''), isIndented: skipsWord === 'here-' });
      } else if (skipsWord === null && !(/^\d+$/.test(word.raw) && /[<>]/.test(text[at] ?? ''))) {
        words.push(word);
      }
      skipsWord = null;
    }
  }
  finish();
  return { commands, unread };
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
}

/** Returns the offset after a here-document that starts at an offset. */
function afterHere(
  text: string,
  from: number,
  { word, isIndented }: { readonly word: string; readonly isIndented: boolean },
): number {
  for (let at = from; at < text.length; ) {
    const end = endOfLine(text, at);
    const line = text.slice(at, end).replace(/\r$/, '');
    at = end + 1;
    if ((isIndented ? line.replace(/^\t+/, '') : line) === word) return Math.min(at, text.length);
  }
  return text.length;
}

/** Returns the word at an offset, null if a quote in it is not closed. */
function wordAt(text: string, start: number): ShellWord | null {
  let value: string | null = '';
  let isSplit = false;
  const add = (literal: string) => {
    if (value !== null) value += literal;
  };
  let at = start;
  while (at < text.length) {
    const mark = text[at]!;
    if (/[\s;&|<>()]/.test(mark)) break;
    if (mark === '\\') {
      const continued = /\\\r?\n/y;
      continued.lastIndex = at;
      if (continued.test(text)) {
        // The word continues only if the next line starts with a word character.
        if (/[\s;&|<>()]|^$/.test(text[continued.lastIndex] ?? '')) break;
        at = continued.lastIndex;
        continue;
      }
      add(text[at + 1] ?? '');
      at += 2;
    } else if (mark === "'") {
      const end = text.indexOf("'", at + 1);
      if (end < 0) return null;
      add(text.slice(at + 1, end));
      at = end + 1;
    } else if (mark === '"') {
      const quoted = quotedAt(text, at);
      if (quoted === null) return null;
      if (quoted.value === null) value = null;
      else add(quoted.value);
      if (quoted.isSplit) isSplit = true;
      at = quoted.end;
    } else if (mark === '$' && text[at + 1] === "'") {
      const ansi = /\$'((?:[^'\\]|\\[\s\S])*)'/y;
      ansi.lastIndex = at;
      const found = ansi.exec(text);
      if (!found) return null;
      const literal = ansiText(found[1]!);
      if (literal === null) value = null;
      else add(literal);
      at = ansi.lastIndex;
    } else if (mark === '$' || mark === '`') {
      const end = expansionEnd(text, at);
      if (end === null) return null;
      if (end === at + 1 && mark === '$') {
        add('$');
      } else {
        value = null;
        isSplit = true;
      }
      at = end;
    } else {
      const plain = /[^\s;&|<>()\\'"$`]+/y;
      plain.lastIndex = at;
      const [found = mark] = plain.exec(text) ?? [];
      if (isPattern(found)) {
        value = null;
        isSplit = true;
      } else if (at === start && found.startsWith('~')) {
        value = null;
      } else {
        add(found);
      }
      at += found.length;
    }
  }
  return { start, end: at, raw: text.slice(start, at), value, isSplit };
}

/** Longer words are not searched. */
const MAX_WORD = 4096;

/** Whether a word may expand to several words: a glob pattern, or a brace list. */
function isPattern(word: string): boolean {
  return word.length > MAX_WORD || /[*?]|\[.*\]|\{[^}]*(?:,|\.\.)[^}]*\}/.test(word);
}

/** Reads a double-quoted text, null if it is not closed. */
function quotedAt(
  text: string,
  start: number,
): { readonly value: string | null; readonly isSplit: boolean; readonly end: number } | null {
  let value: string | null = '';
  let isSplit = false;
  for (let at = start + 1; at < text.length; ) {
    const mark = text[at]!;
    if (mark === '"') return { value, isSplit, end: at + 1 };
    if (mark === '\\') {
      const next = text[at + 1] ?? '';
      if (value !== null && next !== '\n') value += /[$`"\\]/.test(next) ? next : `\\${next}`;
      at += 2;
    } else if (mark === '$' || mark === '`') {
      const end = expansionEnd(text, at);
      if (end === null) return null;
      if (end === at + 1 && mark === '$') {
        if (value !== null) value += '$';
      } else {
        value = null;
        // These expand to one word per argument or array element.
        if (/^\$(?:@|\{@|\{\w+\[@\])/.test(text.slice(at, at + 64))) isSplit = true;
      }
      at = end;
    } else {
      const plain = /[^"\\$`]+/y;
      plain.lastIndex = at;
      const [found = mark] = plain.exec(text) ?? [];
      if (value !== null) value += found;
      at += found.length;
    }
  }
  return null;
}

const CLOSING: Readonly<Record<string, string>> = { '(': ')', '{': '}' };

/** Returns the end of an expansion that starts with `$` or a backtick, null if it does not end. */
function expansionEnd(text: string, start: number): number | null {
  if (text[start] === '`') {
    const closed = /`(?:[^`\\]|\\[\s\S])*`/y;
    closed.lastIndex = start;
    return closed.test(text) ? closed.lastIndex : null;
  }
  const opening = text[start + 1] ?? '';
  if (!(opening in CLOSING)) {
    const name = /\$(?:[A-Za-z_]\w*|[0-9@*#?$!-])/y;
    name.lastIndex = start;
    return name.test(text) ? name.lastIndex : start + 1;
  }
  const open: string[] = [];
  for (let at = start + 1; at < text.length; at++) {
    const mark = text[at]!;
    if (mark === '\\') at += 1;
    else if (open.at(-1) === '"') {
      if (mark === '"') open.pop();
      else if (mark === '$' && (text[at + 1] ?? '') in CLOSING) {
        at += 1;
        open.push(CLOSING[text[at]!]!);
      }
    } else if (mark === '"') open.push('"');
    else if (mark === "'") {
      at = text.indexOf("'", at + 1);
      if (at < 0) return null;
    } else if (mark in CLOSING) open.push(CLOSING[mark]!);
    else if (mark === open.at(-1)) open.pop();
    if (open.length === 0) return at + 1;
  }
  return null;
}

const ENCODER = new TextEncoder();

/** Decodes the text of `$'...'`, null if it has an unsupported escape. */
function ansiText(escaped: string): string | null {
  const bytes: number[] = [];
  for (const [found, mark] of escaped.matchAll(/\\([0-7]{1,3}|[\s\S])|[^\\]+/g)) {
    if (mark === undefined) bytes.push(...ENCODER.encode(found));
    else if (/^[0-7]/.test(mark)) bytes.push(Number.parseInt(mark, 8) & 255);
    else if (/^[\\'"]$/.test(mark)) bytes.push(mark.charCodeAt(0));
    else if (mark === 'n' || mark === 't') bytes.push(mark === 'n' ? 10 : 9);
    else return null;
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

/** Quotes a word for a POSIX shell. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
