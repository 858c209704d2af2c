import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { shellScriptOf, shellWord } from '../../../src/interop/import/shell';
import { callsOf } from '../../support/stubbedShell';

/**
 * Returns a script's commands as our reader parses them, only those of the stubbed programs. A computed word is null.
 */
function read(script: string): (string | null)[][] {
  return shellScriptOf(script)
    .commands.map(({ words }) => words.map(({ value }) => value))
    .filter(([name]) => name === 'python' || name === 'torchrun');
}

describe('a script is read as bash runs it', () => {
  test.each([
    ['a plain command', 'python train.py --lr 0.1\n'],
    ['no last line break', 'python train.py --lr 0.1'],
    ['continued lines', 'python train.py \\\n  --lr 0.1 \\\n  --epochs 90\n'],
    ['a line continued within a word', 'python train.py --ep\\\nochs 90\n'],
    ['quotes of both kinds', `python train.py --name 'it is "x"' --other "a'b\\"c\\\\d\\e"\n`],
    ['quotes within a word', `python tra"in".py --a='b c'd\n`],
    ['escapes', 'python train.py --a b\\ c \\#d \\$e\n'],
    ['a comment', 'python train.py --a # --b\n# python no.py\npython train.py --c#d\n'],
    ['an end by ;', 'python train.py --epochs 30; echo done\n'],
    ['operators without space', 'python a.py&&python b.py;python c.py||python d.py\n'],
    ['a pipe', 'python train.py --a | cat -u\n'],
    ['redirections', 'python train.py --a > log --b 2>&1 --c 3\n'],
    ['a number before a redirection', 'python train.py --epochs 9 2> log\npython train.py 1 >log\n'],
    ['both outputs to a file', 'python train.py --a &> log\n'],
    ['a loop', 'for s in 1; do torchrun train.py --epochs 90; done\n'],
    ['a loop over lines', 'for s in 1 2\ndo\n  torchrun train.py --epochs 90\ndone\n'],
    ['a condition', 'if true; then python train.py --a; else python train.py --b; fi\n'],
    ['a group and a subshell', '{ python train.py --a; }\n(python train.py --b)\n'],
    ['ANSI-C quoting', "python train.py $'it\\'s\\011a\\303\\251'\n"],
    ['a dollar alone', 'python train.py $ "$" a$\n'],
    ['a here-string', 'python train.py --a <<< "python train.py --b"\n'],
  ])('with %s', (_, script) => {
    const run = callsOf(script).map((call) => [...call]);
    const unique = (calls: (string | null)[][]) =>
      [...new Set(calls.map((call) => JSON.stringify(call)))].sort();
    const seen = unique(read(script));
    expect(shellScriptOf(script).unread).toBeNull();
    // Bash runs only one branch of a condition.
    for (const call of unique(run)) expect(seen).toContain(call);
    if (!script.includes('else') && !script.includes('||')) expect(seen).toEqual(unique(run));
  });

  test.each([
    ['$ARGS', true],
    ['"$ARGS"', false],
    ['"$@"', true],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: of the shell.
    ['${ARGS:-"a b"}', true],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: of the shell.
    ['"${ARGS[@]}"', true],
    ['$(cat "$(pwd)/args (1)")', true],
    ['"$(echo ")")"', false],
    ['`cat args`', true],
    ['*.yaml', true],
    ['{1,2}', true],
    ['~/data', false],
    ['--lr=$LR', true],
    ['--lr="$LR"', false],
  ])('%s is computed, and is one word or may be several', (word, isSplit) => {
    const [command, ...more] = shellScriptOf(`python train.py ${word} --end\n`).commands;
    expect(more).toEqual([]);
    expect(command?.words.map(({ raw }) => raw)).toEqual(['python', 'train.py', word, '--end']);
    expect(command?.words[2]).toMatchObject({ value: null, isSplit });
  });

  test('any words, as quoted', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme' }).filter((word) => !word.includes('\0'))),
        (words) => {
          const script = ['python', ...words].map(shellWord).join(' ');
          expect(shellScriptOf(script).commands[0]?.words.map(({ value }) => value)).toEqual([
            'python',
            ...words,
          ]);
        },
      ),
    );
  });

  test('quoted words run as they are', () => {
    const words = ['a b', "it's", '$HOME', '`x`', '', '#', '~', '*', '\\', '"', 'é', '{a,b}', '!', ';'];
    const script = ['python', ...words].map(shellWord).join(' ');
    expect(callsOf(script)).toEqual([['python', ...words]]);
    expect(read(script)).toEqual([['python', ...words]]);
  });
});

describe('what is not read of a script is reported', () => {
  test.each([
    ['cat <<EOF\npython train.py --a\nEOF\npython train.py --b\n', 'a here-document'],
    ['cat <<-"EOF"\n\tpython train.py --a\n\tEOF\npython train.py --b\n', 'a here-document'],
    ['case $1 in a) python train.py --b;; esac\n', 'a case statement'],
    [
      'run() { python train.py "$@"; }\npython train.py --b\n',
      'an array, a function or another use of parentheses',
    ],
    ['function run { python train.py; }\n', 'a function'],
    ['ARGS=(--a --b)\npython train.py --b\n', 'an array, a function or another use of parentheses'],
    ['python train.py --a "never ends\n', 'an unterminated quote'],
    ['diff <(python train.py --b) x\n', 'a process substitution'],
  ])('%j', (script, unread) => {
    expect(shellScriptOf(script).unread).toBe(unread);
  });

  test('the lines of a here-document are not commands', () => {
    expect(read('cat <<EOF\npython train.py --a\nEOF\npython train.py --b\n')).toEqual([
      ['python', 'train.py', '--b'],
    ]);
  });
});
