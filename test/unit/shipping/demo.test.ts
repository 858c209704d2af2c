import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { EXAMPLE, NEXT, nextSteps, runArguments, STEPS } from '../../../scripts/lib/demo.mjs';
import { root } from '../../../scripts/lib/processes.mjs';
import { parseExperiment } from '../../../src/experiment/parse';

const FOLDER = root.replace(/\/$/, '');

/** The commands in the last lines of the demo. */
const commandsIn = (text: string) => text.split('\n').flatMap((line) => /^ {2}(.+)$/.exec(line)?.[1] ?? []);

test('the demo ends with the commands to continue with', () => {
  expect(commandsIn(nextSteps('20261130-first-steps', root, FOLDER))).toEqual([
    'node dist/tricks.js show 20261130-first-steps',
    `node dist/tricks.js run ${EXAMPLE} --set tricks.cosine_decay=true --set tricks.label_smoothing=true`,
    'node dist/tricks.js study examples/first-steps.study.yaml',
    'npm start',
  ]);
});

test.runIf(process.platform !== 'win32')(
  'from another folder, first with the way to the project',
  async () => {
    const [first] = commandsIn(nextSteps('a', "/home/me/it's here/", '/home/me'));
    expect(first).toBe("cd '/home/me/it'\\''s here/'");
    const [there] = commandsIn(nextSteps('a', root, '/'));
    const { stdout } = await promisify(execFile)('bash', ['-c', `${there} && pwd -P`], { cwd: '/' });
    expect(stdout.trim()).toBe(FOLDER);
  },
);

test("the demo's experiment, and those it suggests, are valid with different tricks", () => {
  const text = readFileSync(join(root, EXAMPLE), 'utf8');
  const used = STEPS.flatMap(({ tricks }): readonly string[] => tricks);
  expect(NEXT.some((trick) => !used.includes(trick))).toBe(true);
  for (const tricks of [...STEPS.map((step) => step.tricks), NEXT]) {
    const settings = runArguments(tricks).filter((argument) => argument.includes('='));
    const parsed = parseExperiment(text, EXAMPLE, settings);
    expect(parsed.ok && parsed.recipe.tricks.toSorted()).toEqual([...tricks].toSorted());
  }
});
