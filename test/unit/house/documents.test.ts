import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path/posix';
import { Command } from 'commander';
import { beforeAll, describe, expect, test } from 'vitest';

const ROOT = join(__dirname, '../../..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

const DOCUMENTS = [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'].filter((path) => existsSync(join(ROOT, path))),
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** Removes code blocks, whose lines may look like headings or links. */
function withoutCode(markdown: string): string {
  return markdown.replace(/^(`{3,})[\s\S]*?^\1$/gm, '').replace(/^ {4}.*$/gm, '');
}

/** Returns the anchors of a document's headings, as GitHub makes them. */
function anchorsOf(markdown: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of withoutCode(markdown).matchAll(/^#+ +(.*)$/gm)) {
    const anchor = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-');
    let unique = anchor;
    for (let count = 1; anchors.has(unique); count++) unique = `${anchor}-${count}`;
    anchors.add(unique);
  }
  return anchors;
}

/** Returns the relative links of a document that lead nowhere. */
function brokenLinksOf(path: string, markdown: string): string[] {
  const links = [...withoutCode(markdown).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
  return links.filter((link) => {
    if (/^[a-z][a-z+.-]*:/.test(link)) return false;
    const [file = '', anchor] = link.split('#');
    const target = file === '' ? path : join(dirname(path), file);
    if (!existsSync(join(ROOT, target))) return true;
    return anchor !== undefined && !anchorsOf(target === path ? markdown : read(target)).has(anchor);
  });
}

describe('links', () => {
  test.each(DOCUMENTS)('%s links only to files and headings that exist', (path) => {
    expect(brokenLinksOf(path, read(path))).toEqual([]);
  });

  test('a missing file and a missing heading are found', () => {
    const text =
      '# A title: `code`\n[a](#a-title-code) [b](#b) [c](docs/none.md) [d](docs/studies.md#none) [e](LICENSE)';
    expect(brokenLinksOf('README.md', text)).toEqual(['#b', 'docs/none.md', 'docs/studies.md#none']);
  });
});

test('README.md has at most 120 lines', () => {
  expect(read('README.md').trimEnd().split('\n').length).toBeLessThanOrEqual(120);
});

test("README's picture is at most 200 KB", () => {
  expect(statSync(join(ROOT, 'media/editor.png')).size).toBeLessThanOrEqual(200_000);
});

describe('docs/command-line.md', () => {
  const document = read('docs/command-line.md');
  const program = new Command('tricks');

  beforeAll(async () => {
    const imports = read('src/cli/main.ts').matchAll(/^import \{ (add\w+Command) \} from '\.\/([\w/]+)';$/gm);
    const context = { terminal: null, end: () => {} };
    for (const [, name = '', path = ''] of imports) {
      const module = await import(/* @vite-ignore */ join(ROOT, 'src/cli', `${path}.ts`));
      module[name](program, context);
    }
  });

  /** Returns the commands that have no subcommands, with their full names. */
  function leavesOf(command: Command, name: string): [string, Command][] {
    if (command.commands.length === 0) return [[name, command]];
    return command.commands.flatMap((each) => leavesOf(each, `${name} ${each.name()}`));
  }

  test('names every command and subcommand', () => {
    const names = leavesOf(program, 'tricks').map(([name]) => name);
    expect(names).toContain('tricks study confirm');
    expect(names.filter((name) => !new RegExp(`${name}(?![\\w-])`).test(document))).toEqual([]);
  });

  test('names every option', () => {
    const options = leavesOf(program, 'tricks').flatMap(([, { options }]) =>
      options.map(({ long }) => long ?? ''),
    );
    const missing = options.filter((option) => !new RegExp(`${option}(?![\\w-])`).test(document));
    expect([...new Set(missing)]).toEqual([]);
  });

  test.each(DOCUMENTS.filter((path) => path !== 'CHANGELOG.md'))(
    '%s shows commands and options that exist',
    (path) => {
      const leaves = new Map(leavesOf(program, 'tricks'));
      const shown = [...read(path).matchAll(/^ {4}(tricks .*?)(?: +#.*)?$/gm)].map(([, line = '']) => line);
      const wrong = shown.filter((line) => {
        const [, first = '', second = ''] = line.split(/\s+/);
        // Without a subcommand, these run their default.
        const implied = { queue: 'list', study: 'run', trash: 'list' }[first] ?? second;
        const command = [`${first} ${second}`, first, `${first} ${implied}`]
          .map((name) => leaves.get(`tricks ${name}`))
          .find((each) => each !== undefined);
        const options = [...line.matchAll(/(?<![\w-])--[a-z][a-z-]*/g)].map(([option]) => option);
        return !command || options.some((option) => !command.options.some(({ long }) => long === option));
      });
      expect(wrong).toEqual([]);
    },
  );
});
