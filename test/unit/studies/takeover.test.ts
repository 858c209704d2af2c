import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { listRuns, readRun, runFolder } from '../../../src/runs/store';
import { studyPath } from '../../../src/studies/store';
import { until } from '../runs/support';
import { ACCURACY, standIn } from './standIn';
import { studyIn, studyTests } from './support';

const tests = studyTests();

const ENDLESS = 'return void setTimeout(finish, 20);';

test('a process that lost its study to another leaves the study and its runs alone', async () => {
  await tests.replaceTrainer(standIn(ACCURACY, ENDLESS));
  const { folder } = await studyIn(tests.root);
  const { queue, worker } = tests.program(folder);
  const running = worker.run();
  await until(() => queue.handles.size > 0);
  const trained = async () =>
    (await listRuns(tests.root)).find((run) => run.kind === 'run' && run.manifest.state.status === 'running');
  await until(async () => (await trained()) !== undefined);
  const { id = '' } = (await trained()) ?? {};
  // As another machine does after it has seen the heartbeat stop: a lease with the next number and its own record.
  const lease = JSON.parse(await readFile(join(folder, 'lease.1'), 'utf8'));
  await writeFile(join(folder, 'lease.2'), JSON.stringify({ ...lease, pid: process.ppid, token: 'other' }));
  const record = await readFile(studyPath(folder), 'utf8');
  await expect(running).rejects.toThrow(/^Another process has taken over the study/);
  expect(await readFile(studyPath(folder), 'utf8')).toBe(record);
  const run = await readRun(runFolder(tests.root, id));
  expect(run).toMatchObject({ manifest: { state: { status: 'running' } } });
  expect(await readdir(run.folder)).not.toContain('stop');
});
