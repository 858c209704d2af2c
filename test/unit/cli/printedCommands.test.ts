import { readdirSync, readFileSync } from 'node:fs';
import { chmod, cp, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join, relative } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { root } from '../../../scripts/lib/processes.mjs';
import { invocation, type Surroundings } from '../../../src/cli/typed/invocation';
import { printedCommands } from '../../../src/cli/typed/printedCommands';
import { experimentText } from '../../support/smallTraining';
import { tricksTests } from './tricks';

const work = tricksTests();

/** A machine with these executable files, by path, with their real paths. */
function machine(files: Readonly<Record<string, string>>, changes: Partial<Surroundings> = {}): Surroundings {
  return {
    env: { PATH: '/usr/bin:/home/me/bin' },
    platform: 'linux',
    cwd: '/home/me/photos',
    program: '/opt/bag-of-tricks/dist/tricks.js',
    executable: (path) => files[path] ?? null,
    textOf: () => '',
    ...changes,
  };
}

const PROGRAM = '/opt/bag-of-tricks/dist/tricks.js';

describe('the program is called', () => {
  it.each<[string, Surroundings, string]>([
    ['tricks, if PATH leads to it', machine({ '/home/me/bin/tricks': PROGRAM }), 'tricks'],
    [
      'tricks, if a relative folder of PATH leads to it',
      machine({ '/home/me/photos/bin/tricks': PROGRAM }, { env: { PATH: 'bin' } }),
      'tricks',
    ],
    [
      'tricks, if an empty folder of PATH, the working directory, leads to it',
      machine({ '/home/me/photos/tricks': PROGRAM }, { env: { PATH: '/usr/bin:' } }),
      'tricks',
    ],
    ['by its path, if PATH has no tricks', machine({}), `node ${PROGRAM}`],
    ['by its path, without PATH', machine({}, { env: {} }), `node ${PROGRAM}`],
    [
      'by its path, if another tricks comes first',
      machine({ '/usr/bin/tricks': '/usr/bin/tricks', '/home/me/bin/tricks': PROGRAM }),
      `node ${PROGRAM}`,
    ],
    [
      'by its path, if tricks is another installation of it',
      machine({ '/home/me/bin/tricks': '/home/me/bag-of-tricks/dist/tricks.js' }),
      `node ${PROGRAM}`,
    ],
    ['from inside the package', machine({}, { cwd: '/opt/bag-of-tricks' }), 'node dist/tricks.js'],
    ['from one folder below', machine({}, { cwd: '/opt/bag-of-tricks/docs' }), 'node ../dist/tricks.js'],
    ['from two folders below', machine({}, { cwd: '/opt/bag-of-tricks/docs/a' }), `node ${PROGRAM}`],
    ['from a folder from which the path is no shorter', machine({}, { cwd: '/home' }), `node ${PROGRAM}`],
    ['from a deleted folder', machine({}, { cwd: null, env: { PATH: ':bin' } }), `node ${PROGRAM}`],
    [
      'with quotes around spaces',
      machine({}, { cwd: '/', program: "/home/me/my tricks' home/dist/tricks.js" }),
      `node 'home/me/my tricks'\\'' home/dist/tricks.js'`,
    ],
    [
      'without what Node would take for an option',
      machine({}, { cwd: '/opt', program: '/opt/-e/tricks.js' }),
      'node ./-e/tricks.js',
    ],
  ])('%s', (_, here, name) => expect(invocation(here)).toBe(name));

  const onWindows = (files: Readonly<Record<string, string>>, script: string): Surroundings => ({
    ...machine(files, { platform: 'win32', env: { Path: 'C:\\Windows;"C:\\npm"' }, textOf: () => script }),
    cwd: 'C:\\photos',
    program: 'C:\\Program Files\\tricks\\dist\\tricks.js',
  });
  const linked = 'C:\\npm\\node_modules\\bag-of-tricks\\dist\\tricks.js';
  it.each<[string, Surroundings, string]>([
    [
      'tricks on Windows, if the script of npm leads to it, whatever the case of its path',
      onWindows(
        {
          'C:\\npm\\tricks.cmd': 'C:\\npm\\tricks.cmd',
          [linked]: 'c:\\program files\\tricks\\dist\\tricks.js',
        },
        '"%_prog%"  "%dp0%\\node_modules\\bag-of-tricks\\dist\\tricks.js" %*',
      ),
      'tricks',
    ],
    [
      'by its path on Windows, if the script leads to another installation',
      onWindows(
        { 'C:\\npm\\tricks.cmd': 'C:\\npm\\tricks.cmd', [linked]: linked },
        'node "%~dp0\\node_modules\\bag-of-tricks\\dist\\tricks.js" %*',
      ),
      'node "C:/Program Files/tricks/dist/tricks.js"',
    ],
    [
      'by its path on Windows, if the script starts something else',
      onWindows({ 'C:\\npm\\tricks.cmd': 'C:\\npm\\tricks.cmd' }, 'echo tricks'),
      'node "C:/Program Files/tricks/dist/tricks.js"',
    ],
  ])('%s', (_, here, name) => expect(invocation(here)).toBe(name));
});

const names = () => ['run', 'show', 'study', 'data'];

test.each([
  ['Run it: tricks run FILE', 'Run it: node /t.js run FILE'],
  ['tricks show last', 'node /t.js show last'],
  ['  tricks show last', '  node /t.js show last'],
  [
    'Review them, then train them with tricks run x, or',
    'Review them, then train them with node /t.js run x, or',
  ],
  ['Install it with "tricks data x".', 'Install it with "node /t.js data x".'],
  ['index again (tricks data FILE), or', 'index again (node /t.js data FILE), or'],
  ['tricks show a; tricks show b', 'node /t.js show a; node /t.js show b'],
  ['Read or share the report. tricks study report a', 'Read or share the report. node /t.js study report a'],
  ['Usage: tricks [options] [command]', 'Usage: node /t.js [options] [command]'],
  ['For help: tricks --help', 'For help: node /t.js --help'],
  // Not commands.
  ['Find out which tricks study well', null],
  ["Run it: tricks run 'my tricks data.yaml'", "Run it: node /t.js run 'my tricks data.yaml'"],
  ['Wrote: tricks data.yaml', null],
  ['the tricks to study: tricks warmup', null],
])('%s', (text, printed) => {
  const typed = printedCommands(names, () => machine({}, { program: '/t.js', cwd: '/elsewhere/than/that' }));
  expect(typed(text)).toBe(printed ?? text);
  const onPath = printedCommands(names, () => machine({ '/usr/bin/tricks': PROGRAM }));
  expect(onPath(text)).toBe(text);
});

/** Splits the arguments of a call at the commas outside brackets and quotes. Ends at the closing bracket of the call. */
function argumentsIn(code: string): string[] {
  const found = [''];
  const open: string[] = [];
  for (const [token] of code.matchAll(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`|[\s\S]/g)) {
    if ('([{'.includes(token)) open.push(token);
    if (')]}'.includes(token) && open.pop() === undefined) break;
    if (token === ',' && open.length === 0) found.push('');
    else found.push(`${found.pop()}${token}`);
  }
  return found.map((each) => each.trim());
}

/** The messages of the sources that contain a command, with that command, by their file. */
function messagesWithCommands(): [path: string, text: string][] {
  const found: [string, string][] = [];
  for (const path of readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.ts') || path.startsWith('extension')) continue;
    const code = readFileSync(join(root, 'src', path), 'utf8');
    for (const { index, 0: call } of code.matchAll(/\bl10n\.t\(/g)) {
      const [message = '', ...values] = argumentsIn(code.slice(index + call.length));
      const commands = values.map((value) => /['`](tricks [a-z-]+)/.exec(value)?.[1]);
      if (commands.every((command) => command === undefined)) continue;
      const text = message.slice(1, -1).replace(/\{(\d)\}/g, (_, place) => commands[Number(place)] ?? 'x');
      found.push([path, text]);
    }
  }
  return found;
}

test('each message with a command prints the form that can be typed', async () => {
  const { tricks } = await work();
  const { stdout: help } = await tricks(['--help']);
  const all =
    help
      .split('Commands:')[1]
      ?.match(/^ {2}[a-z-]+/gm)
      ?.map((name) => name.trim()) ?? [];
  expect(all).toContain('lr-find');
  const typed = printedCommands(
    () => all,
    () => machine({}),
  );
  const messages = messagesWithCommands();
  expect(messages.length).toBeGreaterThan(50);
  const untyped = new RegExp(`\\btricks (${all.join('|')})\\b`);
  for (const [path, text] of messages) expect(typed(text), path).not.toMatch(untyped);
});

describe.skipIf(process.platform === 'win32')('a printed command runs as typed in bash', () => {
  /** The command that a refusal in an empty folder prints. */
  const printedIn = (stderr: string) =>
    /^There are no runs .* yet\. Run an experiment: (.+) FILE\n/.exec(stderr)?.[1];

  it('if tricks is on PATH', async () => {
    const { shell, write } = await work();
    const command = printedIn((await shell('tricks runs')).stderr);
    expect(command).toBe('tricks run');
    await write('small.yaml', experimentText({ schedule: '{ epochs: 1 }' }));
    expect(await shell(`${command} small.yaml`)).toMatchObject({ code: 0, stderr: '' });
  });

  it.each(['no tricks', 'another tricks'])('if %s is on PATH', async (which) => {
    const { shell, write, folder, program } = await work();
    const bin = join(folder, 'bin');
    await mkdir(bin);
    if (which === 'another tricks') {
      await writeFile(join(bin, 'tricks'), '#!/bin/sh\necho another; exit 3\n');
      await chmod(join(bin, 'tricks'), 0o755);
    }
    const env = { PATH: [bin, dirname(process.execPath), '/usr/bin', '/bin'].join(delimiter) };
    const command = printedIn((await shell('$TRICKS runs', { env })).stderr);
    expect(command).toBe(`node ../${relative(dirname(folder), program())} run`);
    await write('small.yaml', experimentText({ schedule: '{ epochs: 1 }' }));
    const ran = await shell(`${command} small.yaml`, { env });
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    const next = /: (node \S+ show \S+)\n/.exec(ran.stdout)?.[1];
    expect(await shell(`${next}`, { env })).toMatchObject({ code: 0, stderr: '' });
  });

  it('if its path has spaces and quotes', async () => {
    const { shell, folder, program } = await work();
    const place = join(folder, "it's my program");
    await mkdir(place);
    for (const name of await readdir(dirname(program()))) {
      await symlink(join(dirname(program()), name), join(place, name));
    }
    await cp(program(), join(place, 'real.js'));
    const env = { PATH: [dirname(process.execPath), '/usr/bin', '/bin'].join(delimiter), PLACE: place };
    const { stderr } = await shell('node "$PLACE/real.js" runs', { env });
    const command = printedIn(stderr);
    expect(command).toBe(`node 'it'\\''s my program/real.js' run`);
    expect(await shell(`${command} --help`, { env })).toMatchObject({ code: 0, stderr: '' });
  });

  it('and JSON is the same as with tricks on PATH', async () => {
    const { tricks, write } = await work();
    await write('small.yaml', experimentText());
    const [on, off] = await Promise.all(
      [{}, { PATH: dirname(process.execPath) }].map((env) => tricks(['resolve', 'small.yaml'], { env })),
    );
    expect(on?.stdout).toBe(off?.stdout);
    expect(on?.code).toBe(0);
  });
});
