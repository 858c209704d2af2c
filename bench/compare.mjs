// @ts-check
// Times the training step of another commit against that of this checkout, on wasm with two threads: both train the
// models of bench/run.mjs in the trainer's own loop, in turns of a few steps, so that what else the machine does hits
// both alike. A quiet machine is best: a step on threads waits for the slowest.
//
//     node bench/compare.mjs --before <commit> [--models resnet20,resnet50-d] [--rounds 20] [--steps 3] [--threads 2]
//                            [--minutes 8]
//
// Past `--minutes` no further round is begun. Prints a table.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import esbuild from 'esbuild';
import { nodeBundle, programs } from '../scripts/lib/bundling.mjs';
import { root } from '../scripts/lib/processes.mjs';
import { quantile } from './quantile.mjs';

const { values: options } = parseArgs({
  options: {
    before: { type: 'string' },
    models: { type: 'string', default: 'resnet20,resnet50-d' },
    rounds: { type: 'string', default: '20' },
    steps: { type: 'string', default: '3' },
    threads: { type: 'string', default: '2' },
    minutes: { type: 'string', default: '8' },
  },
});
const { before, threads } = options;
if (!before) throw new Error('Name the commit to compare with: --before <commit>');

const folder = mkdtempSync(join(tmpdir(), 'compare-'));
const checkout = join(folder, 'before');
const git = (/** @type {string[]} */ ...args) =>
  execFileSync('git', ['-C', root, ...args], { stdio: 'pipe' });
git('worktree', 'add', '--detach', checkout, before);
try {
  symlinkSync(join(root, 'node_modules'), join(checkout, 'node_modules'));
  const workers = { before: await build(checkout), after: await build(root) };
  console.log(
    `${cpus()[0]?.model}, ${cpus().length} processors, load ${loadavg()[0]?.toFixed(2)}; Node ${process.versions.node}; ` +
      `${threads} threads; before: ${git('rev-parse', '--short', before).toString().trim()}\n`,
  );
  console.log(
    '| model | steps of each | before, ms (quartiles) | after, ms (quartiles) | ratio of medians | of rounds (quartiles) | of the fastest tenth |',
  );
  console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: |');
  for (const model of options.models.split(',')) console.log(await compare(model, workers));
} finally {
  git('worktree', 'remove', '--force', checkout);
  rmSync(folder, { recursive: true, force: true });
}

/**
 * Bundles the bench trainer of a checkout and returns its path.
 * @param {string} from
 */
async function build(from) {
  await esbuild.build({
    ...nodeBundle,
    absWorkingDir: from,
    entryPoints: { 'bench/worker': 'bench/worker.ts', 'bench/thread': programs.thread },
    outdir: 'dist',
  });
  return join(from, 'dist/bench/worker.js');
}

/**
 * Returns one row of the table.
 * @param {string} model
 * @param {Readonly<Record<'before' | 'after', string>>} workers
 */
async function compare(model, workers) {
  const [old, own] = [start(workers.before, model), start(workers.after, model)];
  /** @type {Record<'before' | 'after', number[][]>} */
  const rounds = { before: [], after: [] };
  const deadline = performance.now() + (Number(options.minutes) * 60_000) / options.models.split(',').length;
  for (const each of [old, own]) await each.take(2);
  for (let round = 0; round < Number(options.rounds) && performance.now() < deadline; round++) {
    // The two alternate in going first, because each leaves its data in the caches.
    const take = async (/** @type {'before' | 'after'} */ which) => {
      rounds[which].push(await (which === 'before' ? old : own).take(Number(options.steps)));
    };
    await take(round % 2 === 0 ? 'before' : 'after');
    await take(round % 2 === 0 ? 'after' : 'before');
  }
  for (const each of [old, own]) each.stop();
  const [then, now] = [rounds.before.flat(), rounds.after.flat()];
  const ratios = rounds.after.map(
    (times, round) => quantile(times, 0.5) / quantile(rounds.before[round] ?? [], 0.5),
  );
  const spread = (/** @type {number[]} */ times) =>
    `${quantile(times, 0.5).toFixed(0)} (${quantile(times, 0.25).toFixed(0)} to ${quantile(times, 0.75).toFixed(0)})`;
  const cells = [
    model,
    now.length,
    spread(then),
    spread(now),
    (quantile(now, 0.5) / quantile(then, 0.5)).toFixed(3),
    `${quantile(ratios, 0.5).toFixed(3)} (${quantile(ratios, 0.25).toFixed(3)} to ${quantile(ratios, 0.75).toFixed(3)})`,
    (quantile(now, 0.1) / quantile(then, 0.1)).toFixed(3),
  ];
  return `| ${cells.join(' | ')} |`;
}

/**
 * Starts a trainer that runs as many steps as it is asked for.
 * @param {string} worker
 * @param {string} model
 */
function start(worker, model) {
  const child = spawn(process.execPath, [worker, 'wasm', 'float32', model], {
    env: { ...process.env, BAG_OF_TRICKS_THREADS: threads },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const answers = createInterface(child.stdout)[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await answers.next();
    if (done) throw new Error('A trainer left early');
    return JSON.parse(value);
  };
  const started = next();
  return {
    /**
     * Runs some steps and returns the milliseconds of each.
     * @param {number} steps
     * @returns {Promise<number[]>}
     */
    async take(steps) {
      await started;
      child.stdin.write(`${steps}\n`);
      /** @type {{ times: Record<string, { wallMs: number }>[] }} */
      const { times } = await next();
      return times.map((phases) => Object.values(phases).reduce((sum, { wallMs }) => sum + wallMs, 0));
    },
    stop() {
      child.stdin.end();
    },
  };
}
