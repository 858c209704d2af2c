import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { productVariables, waysOutOfHome } from '../../scripts/lib/home.mjs';
import { type Theme, Workbench } from './workbench';

let workbench: Workbench | undefined;

afterEach(async () => {
  await workbench?.close();
  workbench = undefined;
});

test.each<Theme>(['light', 'dark'])(
  'the workbench opens an experiment file in the %s theme',
  async (theme) => {
    workbench = await Workbench.open({ folder: 'test/fixtures/workspace', theme });
    await workbench.openFile('small.experiment.yaml');
    expect(await workbench.editorText()).toContain('dataset: synthetic');
    await workbench.screenshot(`workbench-${theme}`);
  },
);

test("has a temporary home of the tests, and no variable of the product except the one for webgpu's adapter", async () => {
  // A terminal with a shell that writes its environment to a file.
  const program = "require('fs').writeFileSync('env.json', JSON.stringify(process.env))";
  const system = { linux: 'linux', darwin: 'osx', win32: 'windows' }[process.platform as string];
  workbench = await Workbench.open({
    folder: 'test/fixtures/workspace',
    theme: 'light',
    settings: {
      [`terminal.integrated.profiles.${system}`]: { node: { path: process.execPath, args: ['-e', program] } },
      [`terminal.integrated.defaultProfile.${system}`]: 'node',
    },
  });
  await workbench.runCommand('Terminal: Create New Terminal');
  const file = join(workbench.folder, 'env.json');
  let env: NodeJS.ProcessEnv = {};
  await expect
    .poll(async () => {
      env = JSON.parse(await readFile(file, 'utf8').catch(() => 'null'));
      return env;
    })
    .not.toBeNull();
  expect(waysOutOfHome(env)).toEqual([]);
  const { BAG_OF_TRICKS_SOFTWARE_GPU: _, ...others } = productVariables(env);
  expect(others).toEqual({});
});
