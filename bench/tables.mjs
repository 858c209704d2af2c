// @ts-check
// What bench/run.mjs measured, as tables in Markdown. As a program it puts them into docs/performance.md, between the
// two marks there:
//
//     node bench/tables.mjs [dist/bench/results.json]
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from '../scripts/lib/processes.mjs';

/** The lines of the document that enclose the tables. */
const MARKS = ['<!-- tables of bench/tables.mjs -->', '<!-- end of the tables -->'];
/** System load from other processes above which figures are flagged. */
const QUIET_LOAD = 0.5;

/** The contestant on every core, and next to it the one that shows the speedup from threads. */
const ALL_THREADS = 'wasm float32';
export const ONE_THREAD = `${ALL_THREADS}, 1 thread`;

/** @typedef {import('./run.mjs').Result} Result */

/**
 * @param {{ time: string, machine: Record<string, any>, options: Record<string, any>, results: Record<string, Result[]> }} report
 */
export function tablesOf({ time, machine, options, results }) {
  const { processor, threads, memoryBytes, platform, node, loadBefore } = machine;
  const isBusy = loadBefore > QUIET_LOAD;
  const versions = Object.assign(
    {},
    ...Object.values(results).flatMap((all) => all.map((each) => each.versions)),
  );
  const facts = [
    `Measured ${time.slice(0, 10)} on ${processor}, ${threads} threads, ${(memoryBytes / 2 ** 30).toFixed(0)} GiB, ` +
      `${platform}, using ${options.cores} threads`,
    `Node ${node}`,
    ...Object.entries(versions)
      .filter(([name]) => name !== 'node')
      .map(([name, version]) => `${name} ${version}`),
  ].join('; ');
  const warning = isBusy
    ? `\n\n**The machine was busy** (load ${loadBefore.toFixed(1)} before the bench): wall-clock times mean little; ` +
      'compare CPU time.'
    : '';
  return `\n${facts}.${warning}\n${Object.entries(results)
    .map(([model, all]) => `\n### ${model}\n\n${tableOf(all)}${threadsLine(all)}`)
    .join('\n')}`;
}

/** @param {readonly Result[]} all */
function tableOf(all) {
  const rivals = all.filter(({ isTorch, isHalf }) => isTorch && !isHalf);
  const fastest = Math.max(...rivals.map(({ imagesPerSecond }) => imagesPerSecond));
  const leastCpu = Math.min(...rivals.map(({ cpuMs }) => cpuMs));
  // Without a rival there is nothing to divide by: Math.max of an empty list is -Infinity.
  const ratio = (/** @type {number} */ value) =>
    Number.isFinite(value) && value > 0 ? value.toFixed(2) : '-';
  const rows = all.map((each) => {
    const { name, threads, imagesPerSecond, stepMs, spread, cpuMs, phases, peakBytes, isTorch } = each;
    const ms = (/** @type {string} */ phase) => phases[phase]?.wallMs ?? 0;
    const around = ms('input') + ms('rest');
    return [
      name,
      threads ?? '-',
      imagesPerSecond.toFixed(0),
      ratio(imagesPerSecond / fastest),
      `${stepMs.toFixed(0)} (${spread.map((value) => value.toFixed(0)).join(' to ')})`,
      cpuMs.toFixed(0),
      ratio(leastCpu / cpuMs),
      ...(ms('pass') > 0
        ? ['-', `${ms('pass').toFixed(0)} (both)`]
        : [ms('forward').toFixed(0), ms('backward').toFixed(0)]),
      ms('exchange') > 0 ? ms('exchange').toFixed(0) : '-',
      ms('update').toFixed(0),
      isTorch ? '-' : `${around.toFixed(1)} (${((100 * around) / stepMs).toFixed(1)}%)`,
      (peakBytes / 2 ** 20).toFixed(0),
    ];
  });
  const heads = [
    'engine',
    'threads',
    'images/s',
    'vs PyTorch FP32',
    'step, ms (quartiles)',
    'CPU ms/step',
    'vs PyTorch FP32 by CPU time',
    'forward, ms',
    'backward, ms',
    'exchange, ms',
    'update, ms',
    'input + metrics, ms',
    'peak MiB',
  ];
  const rule = heads.map((_, index) => (index === 0 ? '---' : '---:'));
  return [heads, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/**
 * Returns the line on the speedup from threads, empty if it was not measured.
 * @param {readonly Result[]} all
 */
function threadsLine(all) {
  const one = all.find(({ name }) => name === ONE_THREAD);
  const many = all.find(({ name }) => name === ALL_THREADS);
  if (!one || !many) return '';
  const [median, fast] = [one.stepMs / many.stepMs, one.fastStepMs / many.fastStepMs];
  return (
    `\n\nWith ${many.threads} threads, a wasm step is ${median.toFixed(2)} times as fast as with one thread in median step time, ` +
    `and ${fast.toFixed(2)} times in 10th percentile step time, which other load disturbs less.`
  );
}

async function main() {
  const results = process.argv[2] ?? join(root, 'dist/bench/results.json');
  const document = join(root, 'docs/performance.md');
  const text = await readFile(document, 'utf8');
  const [start, end] = MARKS.map((mark) => text.indexOf(mark));
  if (start === undefined || end === undefined || start < 0 || end < start) {
    throw new Error(`${document} lacks the lines ${MARKS.join(' and ')}`);
  }
  const tables = tablesOf(JSON.parse(await readFile(results, 'utf8')));
  await writeFile(document, `${text.slice(0, start)}${MARKS[0]}\n${tables}\n\n${text.slice(end)}`);
}

if (process.argv[1] === import.meta.filename) await main();
