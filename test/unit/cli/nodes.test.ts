import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ensureNode, hasNodes, nodeMajors } from '../../../scripts/lib/nodes.mjs';
import type { Diagnosis } from '../../../src/engines/doctor';
import { findInstallations } from '../../../src/engines/installations';
import { experimentText } from '../../support/smallTraining';
import { tricksTests } from './tricks';

const workplace = tricksTests();
const installed = findInstallations('tensorflow').find(({ origin }) => origin === 'managed');
const others = nodeMajors.filter((major) => !process.versions.node.startsWith(`${major}.`));

/** One build of the addon serves every Node version: it is written for Node-API, which newer Nodes keep. */
describe.runIf(installed && hasNodes)('the same installation of tensorflow', () => {
  it.each(others)('loads, multiplies and trains under Node %i', async (major) => {
    const { folder, tricks, write, manifest } = await workplace();
    // A separate folder, so that no probe result is remembered.
    await symlink(installed?.folder as string, join(folder, 'tensorflow'));
    const options = { node: await ensureNode(major), env: { BAG_OF_TRICKS_ENGINES: folder } };

    const doctor = await tricks(['doctor', '--json'], options);
    expect(doctor).toMatchObject({ code: 0, stderr: '' });
    const { node, engines }: Diagnosis = JSON.parse(doctor.stdout);
    expect(node.version).toMatch(new RegExp(`^${major}\\.`));
    expect(engines.find(({ name }) => name === 'tensorflow')).toMatchObject({
      status: 'works',
      detail: expect.stringMatching(/^TensorFlow 2\.\d+\.\d+ on /),
    });

    const experiment = await write('small.experiment.yaml', experimentText());
    expect((await tricks(['run', experiment, '--engine', 'tensorflow'], options)).code).toBe(0);
    const { state, engine, versions } = await manifest();
    expect([state.status, engine.name]).toEqual(['done', 'tensorflow']);
    expect(versions.node).toBe(node.version);
  });
});
