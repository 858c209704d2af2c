import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { Terminal } from '../../../src/cli/terminal';

const ERASE = '\r\u001b[K';

/** A 20-column screen that both streams write to, and its output. */
function screen() {
  let text = '';
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 20, hasColors: () => false });
  stream.on('data', (chunk) => (text += chunk));
  const shown = stream as unknown as NodeJS.WriteStream;
  const terminal = new Terminal({ output: shown, errors: shown });
  return { terminal, stream, written: () => text };
}

test.each<[string, (terminal: Terminal) => void, string]>([
  ['a result', (terminal) => terminal.print('Epoch 1'), 'Epoch 1\n'],
  ['a note', (terminal) => terminal.note('Stopping'), 'Stopping\n'],
  [
    'a failure',
    (terminal) => terminal.fail({ what: 'It broke.', remedy: 'Fix it.' }),
    'error: It broke.\nFix it.\n',
  ],
  ['JSON', (terminal) => terminal.printJson({ a: 1 }), '{"a":1}\n'],
  ['another status', (terminal) => terminal.statusLine()?.show('13%'), '13%'],
])('%s replaces the status line without running into it', (_, write, expected) => {
  const { terminal, written } = screen();
  terminal.statusLine()?.show('12%');
  write(terminal);
  expect(written()).toBe(`12%${ERASE}${expected}`);
});

test('a status line is cut at the width of the terminal, where it would wrap', () => {
  const { terminal, stream, written } = screen();
  terminal.statusLine()?.show('x'.repeat(20));
  expect(written()).toBe(`${'x'.repeat(18)}…`);
  stream.columns = 10;
  expect(terminal.statusLine()?.columns).toBe(9);
});
