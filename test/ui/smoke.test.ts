import { afterEach, expect, test } from 'vitest';
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
