import { execFileSync } from 'node:child_process';
import { type FlagTable, optionOf } from '../../src/interop/import/argparse';

/** Parses with Python's argparse and a table's options: a second reader of the same command lines. */

const SCRIPT = `
import argparse, ast, json, math, sys

class Pairs(argparse.Action):
    def __call__(self, parser, namespace, values, option_string=None):
        pairs = {}
        for each in values:
            if each.count('=') != 1:
                raise argparse.ArgumentError(self, each)
            key, value = each.split('=')
            try:
                pairs[key] = ast.literal_eval(value)
            except (ValueError, SyntaxError):
                pairs[key] = value
        setattr(namespace, self.dest, pairs)

class Refused(Exception):
    pass

class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise Refused(message)

table, argvs = json.load(sys.stdin)
parser = Parser(add_help=False)
for names, dest, kind, count, choices in table['flags']:
    more = {'dest': dest, 'default': argparse.SUPPRESS}
    if kind == 'switch':
        parser.add_argument(*names, action='store_true', **more)
        continue
    more['action'] = Pairs if kind == 'pairs' else 'store'
    more['type'] = {'int': int, 'float': float}.get(kind, str)
    if choices:
        more['choices'] = choices
    if count != 'one':
        more['nargs'] = {'optional': '?', 'any': '*', 'some': '+'}.get(count, count)
    if count == 'optional':
        more['const'] = True
    parser.add_argument(*names, **more)
if table['positional']:
    parser.add_argument(table['positional'], nargs='?', default=argparse.SUPPRESS)
answers = []
for argv in argvs:
    try:
        found = vars(parser.parse_args(argv))
        # JSON has no word for those.
        unequal = [each for each in found.values() if isinstance(each, float) and not math.isfinite(each)]
        answers.append('not finite' if unequal else found)
    except Refused as refused:
        answers.append(str(refused))
json.dump(answers, sys.stdout)
`;

/**
 * Returns the values that each command line sets, without the options it omits. Returns the error text if Python
 * rejects the command line.
 */
export function parsedByPython(
  { flags, positional }: FlagTable,
  argvs: readonly (readonly string[])[],
): (Readonly<Record<string, unknown>> | string)[] {
  const { BAG_OF_TRICKS_PYTHON: python = 'python3' } = process.env;
  const table = {
    positional: positional ?? null,
    flags: Object.entries(flags)
      .filter(([setting]) => setting !== positional)
      .map(([setting, { type, count, choices, also = [] }]) => [
        [optionOf(setting), ...also],
        setting,
        type,
        count,
        choices ?? null,
      ]),
  };
  const answer = execFileSync(python, ['-c', SCRIPT], { input: JSON.stringify([table, argvs]) });
  return JSON.parse(answer.toString()) as (Record<string, unknown> | string)[];
}
