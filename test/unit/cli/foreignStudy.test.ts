import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ACCURACY, standIn } from '../studies/standIn';
import { EXPERIMENT, STUDY } from '../studies/support';
import { tricksTests } from './tricks';

const work = tricksTests();

test('a study that came with its folder trains nothing until its person allows it', async () => {
  const place = await work();
  await place.write('tiny.experiment.yaml', EXPERIMENT);
  await place.write('which.study.yaml', STUDY);
  await place.replaceTrainer(
    standIn(ACCURACY, 'end({ type: "failed", failure: { what: "No.", remedy: "" } });'),
  );
  const theirs = { env: { XDG_CONFIG_HOME: join(place.folder, 'theirs') } };
  expect(await place.tricks(['study', 'which.study.yaml', '--no-costs'], theirs)).toMatchObject({ code: 1 });
  const store = join(place.folder, '.bag-of-tricks');
  const runs = await readdir(join(store, 'runs'));
  const [id = ''] = await readdir(join(store, 'studies'));
  const record = await readFile(join(store, 'studies', id, 'study.json'), 'utf8');
  for (const command of [['resume', id], ['which.study.yaml'], ['confirm', id]]) {
    const refused = await place.tricks(['study', ...command, '--no-costs']);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(
      /^error: You did not create the study .* here\. It came with the folder\./m,
    );
  }
  expect(await readdir(join(store, 'runs'))).toEqual(runs);
  expect(await readFile(join(store, 'studies', id, 'study.json'), 'utf8')).toBe(record);
  // Anyone may look.
  expect(await place.tricks(['study', 'show', id])).toMatchObject({ code: 0 });
  const allowed = await place.tricks(['study', 'resume', id, '--no-costs', '--allow', place.folder]);
  expect(allowed).toMatchObject({ code: 1, stderr: expect.stringContaining('failed 3 times') });
});
