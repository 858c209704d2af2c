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

test("has a home of the tests' own, and no variable of the product but what webgpu computes on", async () => {
  workbench = await Workbench.open({ folder: 'test/fixtures/workspace', theme: 'light' });
  await workbench.runCommand('Terminal: Create New Terminal');
  const terminal = workbench.page.locator('.terminal-wrapper.active textarea');
  await terminal.focus();
  const program = "require('fs').writeFileSync('env.json', JSON.stringify(process.env))";
  await terminal.pressSequentially(`node -e "${program}"\n`);
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
