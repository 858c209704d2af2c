import { expect, test } from 'vitest';
import { chosenEngines } from '../../../scripts/lib/benchEngines.mjs';

const folders = { user: '/home/me/engines', tests: '/project/.cache/engines' };

test.each<[string, string | undefined, readonly string[], string]>([
  ['the folder that the variable names, even if it has none', '/named', ['/home/me/engines'], '/named'],
  ["the user's folder first", undefined, ['/project/.cache/engines', '/home/me/engines'], '/home/me/engines'],
  ["the tests' folder, if the user has none", '', ['/project/.cache/engines'], '/project/.cache/engines'],
  ["the user's folder, if no engine is installed", undefined, [], '/home/me/engines'],
])('benchmarks take engines from %s', (_, named, installed, folder) => {
  expect(chosenEngines({ named, ...folders }, (each) => installed.includes(each))).toBe(folder);
});
