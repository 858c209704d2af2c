// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders of commands.
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { splitWords } from '../../../../src/experiment/command/words';
import { processorClock } from '../../../support/processorTime';

const wordsOf = (text: string) => {
  const result = splitWords(text);
  if (!result.ok) throw new Error(`${result.what} ${result.remedy}`);
  return result.words;
};
const refusal = (text: string) => {
  const result = splitWords(text);
  return result.ok ? null : `${result.what} ${result.remedy}`;
};

describe('a command is split as a POSIX shell does it', () => {
  test.each([
    ['spaces and tabs', ' python  train.py\t--lr 0.1 ', ['python', 'train.py', '--lr', '0.1']],
    ['single quotes', "a 'b c' d'e f'g", ['a', 'b c', 'de fg']],
    ['double quotes', 'a "b \\"c\\" \\\\ \\d" ""', ['a', 'b "c" \\ \\d', '']],
    ['backslashes', 'a\\ b \\"c \\\\ \\$d', ['a b', '"c', '\\', '$d']],
    ['continued lines', 'a \\\n  --b \\\r\n --c', ['a', '--b', '--c']],
    ['a line continued in a word', 'a --ep\\\nochs', ['a', '--epochs']],
    ['a line break at the end', 'a b\n', ['a', 'b']],
    ['operators in quotes', `a '|' "&&" '$(x)' '$HOME' "*" '~'`, ['a', '|', '&&', '$(x)', '$HOME', '*', '~']],
    ['escaped operators', 'a \\| \\* \\~ \\#', ['a', '|', '*', '~', '#']],
    ['a placeholder', 'a ${run.folder}/x "${seed} b"', ['a', '${run.folder}/x', '${seed} b']],
    ['a dollar alone', 'a $ b$ "$"', ['a', '$', 'b$', '$']],
    ['brackets that are no pattern', 'a {} x={y} ] [', ['a', '{}', 'x={y}', ']', '[']],
    ['a number', 'a 2', ['a', '2']],
    ['a hash within a word', 'a b#c', ['a', 'b#c']],
    ['a tilde within a word', 'a b~c', ['a', 'b~c']],
    ['nothing', '', []],
  ])('with %s', (_, text, words) => {
    expect(wordsOf(text)).toEqual(words);
  });

  const python = spawnSync('python3', ['-c', 'print(1)'], { encoding: 'utf8' }).status === 0;

  // Characters that shlex and a shell treat alike: it keeps backslashes before $ and ` in double quotes.
  const bare = fc.stringMatching(/^[a-zA-Z0-9_@%+=:,./-]{1,5}$/);
  const single = fc.stringMatching(/^[ a-z"\\|&;<>()*?[\]{}~#!`-]{0,6}$/).map((text) => `'${text}'`);
  const double = fc
    .array(fc.constantFrom(...[' ', 'a', "'", '|', '&', '*', '~', '\\\\', '\\"', '\\x', '#']), {
      maxLength: 6,
    })
    .map((parts) => `"${parts.join('')}"`);
  const escaped = fc.constantFrom(...' "\'\\|&;<>()*?[]{}~#ab').map((mark) => `\\${mark}`);
  const word = fc.array(fc.oneof(bare, single, double, escaped), { minLength: 1, maxLength: 4 });
  const text = fc
    .array(fc.tuple(word, fc.constantFrom(' ', '\t', '   ')), { maxLength: 6 })
    .map((words) => words.map(([parts, gap]) => parts.join('') + gap).join(''));

  test.skipIf(!python)("as Python's shlex.split does it (needs python3)", () => {
    const texts = fc.sample(text, { numRuns: 2000, seed: 7 });
    const script = 'import json,shlex,sys; print(json.dumps([shlex.split(t) for t in json.load(sys.stdin)]))';
    const run = spawnSync('python3', ['-c', script], { input: JSON.stringify(texts), encoding: 'utf8' });
    expect(run.stderr).toBe('');
    const expected: string[][] = JSON.parse(run.stdout);
    const isLists = texts.map((each) => [each, wordsOf(each)]);
    expect(isLists).toEqual(texts.map((each, at) => [each, expected[at]]));
  });
});

describe('what only a shell would do is refused', () => {
  test.each([
    ['a | tee log', '| (a pipe)'],
    ['a && b', '&& (a second command)'],
    ['a;b', '; (a second command)'],
    ['a || b', '|| (a second command)'],
    ['a &', '& (a background command)'],
    ['a > log', '> (a redirection)'],
    ['a 2>&1', '2> (a redirection)'],
    ['a < x', '< (a redirection)'],
    ['(a)', '( (a subshell)'],
    ['a *.py', '* (a pattern)'],
    ['a file?', '? (a pattern)'],
    ['a [ab]c', '[] (a pattern)'],
    ['a {x,y}', '{} (a pattern)'],
    ['a {1..3}', '{} (a pattern)'],
    ['a # b', '# (a comment)'],
  ])('%s', (text, mark) => {
    expect(refusal(text)).toBe(
      `The command contains ${mark}, but no shell runs it. Quote it if the program should get it. Otherwise put the command in a script, and call the script: bash train.sh.`,
    );
  });

  test.each([
    [
      'a $(date)',
      'The command contains $(date), but no shell runs it. Write its result, or put the command in a script and call the script.',
    ],
    [
      'a "`date`"',
      'The command contains `date`, but no shell runs it. Write its result, or put the command in a script and call the script.',
    ],
    [
      'a $LR',
      'The command contains $LR, but no shell replaces it. Write its value, or write ${LR} in the command and the value under trainer.values.',
    ],
    [
      'a "$1"',
      'The command contains $1, but no shell replaces it. Write its value, or write ${name} in the command and the value under trainer.values.',
    ],
    ['a $seed', 'The command contains $seed, but no shell replaces it. Did you mean ${seed}?'],
    [
      'a $run.folder/x',
      'The command contains $run.folder, but no shell replaces it. Did you mean ${run.folder}?',
    ],
    ['~/bin/python', 'The command contains ~, but no shell replaces it. Write the full path.'],
    [
      'a\nb',
      'The command has several lines. End each line but the last with a backslash, or fold the lines with > instead of |.',
    ],
    ["a 'b", "The quote ' is not closed. End the text with '."],
    ['a "b', 'The quote " is not closed. End the text with ".'],
    ['a \\', 'The command ends with a backslash. Remove it.'],
  ])('%s', (text, message) => {
    expect(refusal(text)).toBe(message);
  });

  test('quickly, also in long texts', () => {
    const usedMs = processorClock();
    for (const part of ['{,', '[', '$(', '"', '{a,b', '\\', '${']) splitWords(part.repeat(30_000));
    expect(usedMs()).toBeLessThan(10_000);
  });
});
