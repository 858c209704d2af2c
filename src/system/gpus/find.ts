import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execFile } from '../children';
import { programInPath } from '../programInPath';
import type { AmdGpu } from './amdGpu';
import { gpusOfAmdSmi } from './amdSmi';
import type { Gpu } from './gpu';
import { inTopologyOrder, serialOfNode } from './kfd';
import { gpusOfNvidiaSmi } from './nvidiaSmi';
import { gpusOfRocmSmi } from './rocmSmi';

/** A driver that hangs must not keep a run from training. */
const ANSWER_MS = 20_000;

/** How long a list of GPUs is valid. They rarely change, and asking takes up to seconds. */
const REMEMBER_MS = 60_000;

const TOPOLOGY = '/sys/class/kfd/kfd/topology/nodes';

let known: { readonly at: number; readonly gpus: Promise<readonly Gpu[]> } | null = null;

/**
 * Lists the GPUs of this machine that other programs can compute on, as the drivers' own programs tell. If there are
 * some of NVIDIA, those of AMD are left out: with both, a processor's own graphics are usually the latter. Reuses a
 * list of the last minute.
 */
export function findGpus(): Promise<readonly Gpu[]> {
  if (known && performance.now() - known.at < REMEMBER_MS) return known.gpus;
  known = { at: performance.now(), gpus: askForGpus() };
  return known.gpus;
}

async function askForGpus(): Promise<readonly Gpu[]> {
  const nvidia = gpusOfNvidiaSmi(await outputOf('nvidia-smi', ['-L']));
  return nvidia.length > 0 ? nvidia : amdGpus();
}

async function amdGpus(): Promise<readonly AmdGpu[]> {
  const ofRocm = gpusOfRocmSmi(
    await outputOf('rocm-smi', ['--showproductname', '--showuniqueid', '--showbus', '--json']),
  );
  const gpus =
    ofRocm.length > 0
      ? ofRocm
      : gpusOfAmdSmi(await outputOf('amd-smi', ['static', '--asic', '--bus', '--json']));
  return gpus.length < 2 ? gpus : inTopologyOrder(gpus, await topology());
}

/** Returns the serial numbers of AMD's GPUs in the order of the kernel's topology. Empty if there is none. */
async function topology(): Promise<string[]> {
  const nodes = (await readdir(TOPOLOGY).catch(() => [])).map(Number).sort((a, b) => a - b);
  const texts = await Promise.all(
    nodes.map((node) => readFile(join(TOPOLOGY, `${node}`, 'properties'), 'utf8').catch(() => '')),
  );
  return texts.map(serialOfNode).filter((serial) => serial !== null);
}

/** Returns what a program of PATH prints; empty if it fails or there is none. */
function outputOf(program: string, args: readonly string[]): Promise<string> {
  return execFile(programInPath(program), args, { timeout: ANSWER_MS }).then(
    ({ stdout }) => stdout,
    () => '',
  );
}
