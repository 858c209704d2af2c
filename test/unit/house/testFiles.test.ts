import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path/posix';
import { expect, test } from 'vitest';
import { impureFiles, longestFiles, pureFolders } from '../../../scripts/lib/testFiles.mjs';

const ROOT = join(__dirname, '../../..');

test('tests that share a process change nothing that another one of them sees', () => {
  const pure = pureFolders
    .map((folder) => join('test/unit', folder))
    .flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
        .filter((path) => path.endsWith('.ts'))
        .map((path) => join(folder, path.replaceAll('\\', '/'))),
    )
    .filter((path) => !impureFiles.includes(path));
  expect(pure.length).toBeGreaterThan(100);
  const changing =
    /\bvi\.|\bprocess\.(chdir|umask|on|once|exit)\(|\bprocess\.env[^;=]*=[^=>]|\bdelete process\b|globalThis|\bloadEngine\(|\bl10n\.config\(|\binject\(/;
  const found = pure.filter((path) => changing.test(readFileSync(join(ROOT, path), 'utf8')));
  expect(found, 'list it in impureFiles of scripts/lib/testFiles.mjs').toEqual([]);
});

test('the files that start first are there', () => {
  expect([...longestFiles, ...impureFiles].filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});
