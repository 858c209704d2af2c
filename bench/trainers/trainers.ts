/**
 * Runs the training programs of timm, torchvision and MMPretrain as command experiments, and compares the events and
 * results of the runs with what the programs wrote themselves. Each trains a few drawings for three epochs on the CPU,
 * with two tricks: once without a stop, and once paused after the first epoch and resumed.
 *
 *     node esbuild.mjs && node bench/bundle.mjs trainers/trainers && node dist/bench/trainers.js
 *
 * Runs those programs whose checkouts these variables name: BAG_OF_TRICKS_TIMM, BAG_OF_TRICKS_TORCHVISION and
 * BAG_OF_TRICKS_MMPRETRAIN. BAG_OF_TRICKS_PYTHON is a Python that has what they need. Exit codes: 0 if everything agrees,
 * 1 if something does not, 2 if no checkout was named.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { table } from '../../src/cli/table';
import { settledMetrics } from '../../src/protocol/fold';
import type { EpochEvent } from '../../src/protocol/standing';
import { RUN } from '../../src/runs/lease/commandProcesses';
import { readAllEvents, thinningStride } from '../../src/runs/log';
import { listRuns, metricsPath, type ReadableEntry, trainerLogPath } from '../../src/runs/store';
import { processesWithVariables } from '../../src/system/processes';
import { packageRoot } from '../../src/training/data/sample';
import { copyImages } from './images';
import { EPOCHS, type OwnEpoch, type Places, PROGRAMS, type Program } from './programs';

const root = packageRoot();
/** How long to wait for the first epoch. */
const FIRST_EPOCH_MS = 5 * 60_000;

interface Check {
  readonly program: string;
  readonly name: string;
  /** Null if it passed. */
  readonly problem: string | null;
}

async function main(): Promise<number> {
  const folder = await realpath(mkdtempSync(join(tmpdir(), 'bag-of-tricks-trainers-')));
  const images = join(folder, 'images');
  copyImages(join(root, 'examples', 'clipart'), images);
  const checks: Check[] = [];
  try {
    for (const program of PROGRAMS) {
      const checkout = process.env[program.variable];
      if (!checkout) {
        console.log(`${program.name}: skipped, because ${program.variable} is not set`);
        continue;
      }
      const work = join(folder, program.name.replace(/\W+/g, '-'));
      mkdirSync(work);
      checks.push(...(await checksOf(program, { checkout: await realpath(checkout), images, work })));
    }
  } finally {
    if (checks.every(({ problem }) => problem === null)) rmSync(folder, { recursive: true, force: true });
    else console.log(`The runs are in ${folder}.`);
  }
  const rows = checks.map(({ program, name, problem }) => [
    program,
    name,
    problem === null ? 'ok' : `failed: ${problem}`,
  ]);
  for (const line of table([['program', 'check', 'result'], ...rows])) console.log(line);
  if (checks.length === 0) return 2;
  return checks.every(({ problem }) => problem === null) ? 0 : 1;
}

async function checksOf(program: Program, places: Places): Promise<Check[]> {
  writeFileSync(join(places.work, 'train.experiment.yaml'), program.experiment(places));
  const checks: Check[] = [];
  const check = async (name: string, find: () => Promise<string | null>) => {
    const problem = await find().catch((error: unknown) => String(error));
    console.log(`${program.name}: ${name}: ${problem ?? 'ok'}`);
    checks.push({ program: program.name, name, problem });
  };
  const run = ['run', 'train.experiment.yaml', '--allow', join(places.checkout, program.folder)];
  await check('runs to the end', async () => codeProblem(await tricks(places, run), 0));
  const whole = await lastRun(places);
  if (!whole) return checks;
  await check('has the options of the tricks', () => optionsProblem(program, whole));
  await check('has its epochs', () => epochsProblem(program, whole));
  await check('has steps of every epoch', () => stepsProblem(whole));
  await check('has its result', async () => resultProblem(program, whole));
  await check('pauses after an epoch, and leaves no process', () => pauseProblem(program, places, run));
  const paused = await lastRun(places);
  if (!paused || paused.id === whole.id) return checks;
  await check('resumes to the end', async () => codeProblem(await tricks(places, ['resume', paused.id]), 0));
  const resumed = await lastRun(places);
  if (!resumed) return checks;
  await check('resumes from its checkpoint', async () => {
    const log = await readFile(trainerLogPath(resumed.folder), 'utf8');
    return log.includes('Resuming from ') ? null : 'it started over';
  });
  await check('has its epochs after the resume', () => epochsProblem(program, resumed));
  await check('has its result after the resume', async () => resultProblem(program, resumed));
  return checks;
}

/** Runs the command line in the folder of the experiment. */
function start({ work }: Places, args: readonly string[]) {
  return spawn(process.execPath, [join(root, 'dist', 'tricks.js'), ...args], { cwd: work, stdio: 'inherit' });
}

async function tricks(places: Places, args: readonly string[]): Promise<number | null> {
  const [code] = await once(start(places, args), 'exit');
  return code;
}

const codeProblem = (code: number | null, expected: number): string | null =>
  code === expected ? null : `exit code ${code}`;

async function lastRun({ work }: Places): Promise<ReadableEntry | null> {
  const runs = (await listRuns(work)).filter((entry): entry is ReadableEntry => entry.kind === 'run');
  return runs.sort((a, b) => (a.id < b.id ? 1 : -1))[0] ?? null;
}

async function eventsOf({ folder }: ReadableEntry) {
  return settledMetrics((await readAllEvents(metricsPath(folder), thinningStride)).events);
}

async function optionsProblem(program: Program, { manifest }: ReadableEntry): Promise<string | null> {
  const words = 'command' in manifest.recipe ? manifest.recipe.command.join(' ') : '';
  const missing = program.options.filter((option) => !words.includes(option));
  return missing.length === 0 ? null : `no ${missing.join(', ')} in ${words}`;
}

/** Rounding of a metric that is printed with few digits. */
const isNear = (ours: number | null | undefined, own: number | null, scale: number) =>
  own === null ||
  (ours !== undefined &&
    ours !== null &&
    (Object.is(ours, own / scale) || Math.abs(ours * scale - own) < 1e-9));

async function epochsProblem(program: Program, run: ReadableEntry): Promise<string | null> {
  const own = program.ownEpochs(run.folder);
  const ours = (await eventsOf(run)).filter((event): event is EpochEvent => event.type === 'epoch');
  if (own.length !== EPOCHS) return `the program wrote ${own.length} epochs`;
  if (ours.map(({ epoch }) => epoch).join() !== own.map(({ epoch }) => epoch).join()) {
    return `epochs ${ours.map(({ epoch }) => epoch).join()} in place of ${own.map(({ epoch }) => epoch).join()}`;
  }
  const differing = own.find((each, index) => {
    const event = ours[index];
    return !(
      isNear(event?.trainLoss, each.trainLoss, 1) &&
      isNear(event?.validationLoss, each.validationLoss, 1) &&
      isNear(event?.validationAccuracy, each.top1, 100)
    );
  });
  return differing
    ? `epoch ${differing.epoch}: ${JSON.stringify(ours)} in place of ${JSON.stringify(own)}`
    : null;
}

async function stepsProblem(run: ReadableEntry): Promise<string | null> {
  const steps = (await eventsOf(run)).filter((event) => event.type === 'step');
  const epochs = new Set(
    steps.flatMap(({ epoch, loss, learningRate }) =>
      Number.isFinite(loss) && Number.isFinite(learningRate) ? [epoch] : [],
    ),
  );
  return epochs.size === EPOCHS ? null : `steps of ${epochs.size} epochs`;
}

function resultProblem(program: Program, { folder, manifest }: ReadableEntry): string | null {
  if (manifest.state.status !== 'done') return `the run is ${manifest.state.status}`;
  const own: readonly OwnEpoch[] = program.ownEpochs(folder);
  const { epochs, validationAccuracy, bestValidationAccuracy, validationLoss } = manifest.state.result;
  const last = own.at(-1);
  const best = Math.max(...own.map(({ top1 }) => top1));
  const isSame =
    epochs === EPOCHS &&
    last !== undefined &&
    isNear(validationAccuracy, last.top1, 100) &&
    isNear(bestValidationAccuracy, best, 100) &&
    isNear(validationLoss, last.validationLoss, 1);
  return isSame ? null : `${JSON.stringify(manifest.state.result)} in place of ${JSON.stringify(own)}`;
}

/** Pauses a new run after its first epoch. */
async function pauseProblem(
  program: Program,
  places: Places,
  args: readonly string[],
): Promise<string | null> {
  const before = (await lastRun(places))?.id;
  const child = start(places, args);
  const exited = once(child, 'exit');
  const until = performance.now() + FIRST_EPOCH_MS;
  for (;;) {
    const run = await lastRun(places);
    const isNew = run !== null && run.id !== before;
    if (isNew && (await eventsOf(run)).some(({ type }) => type === 'epoch')) break;
    if (child.exitCode !== null || performance.now() > until) return 'there was no epoch';
    await delay(200);
  }
  const run = await lastRun(places);
  if (!run) return 'there is no run';
  const running = await processesWithVariables({ [RUN]: run.folder });
  const paused = codeProblem(await tricks(places, ['pause', run.id]), 0);
  const [code] = await exited;
  const left = await processesWithVariables({ [RUN]: run.folder });
  const status = (await lastRun(places))?.manifest.state.status;
  if (paused !== null) return paused;
  if (process.platform === 'linux' && running.length < program.processes)
    return `${running.length} processes ran`;
  if (left.length > 0) return `${left.length} processes are left`;
  return status === 'paused' && code === 130 ? null : `the run is ${status}, with exit code ${code}`;
}

void main().then((code) => {
  process.exitCode = code;
});
