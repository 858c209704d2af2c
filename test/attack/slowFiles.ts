/**
 * Times files of about 1 MB that are built to be slow. Each must be read or refused with a reason within a second.
 *
 *     npx esbuild test/attack/slowFiles.ts --bundle --platform=node --packages=external --outfile=slow.cjs && node slow.cjs
 *
 * Prints one line per file: the time and the outcome. Exits with code 1 if any file took more than a second. Run it
 * from the project's root on an idle machine. `slow.cjs` may be deleted. The quick tests of the same files
 * (test/unit/experiment/hostileFiles.test.ts and similar) count work, or use time limits far above these.
 */
import { performance } from 'node:perf_hooks';
import { parseExperiment } from '../../src/experiment/parse';
import { completionsAt } from '../../src/insight/completions';
import { foreignFits } from '../../src/insight/foreignFits';
import { hoverAt } from '../../src/insight/hovers';
import { experimentLenses } from '../../src/insight/lenses';
import { quickFixes } from '../../src/insight/quickFixes';
import { readForeign } from '../../src/interop/import/adapters';
import { decodeNpyHeader } from '../../src/shared/npy';
import { readPickle } from '../../src/shared/pickle/pickle';
import { decodeSafetensors } from '../../src/shared/safetensors';
import { decodeWeights } from '../../src/weights/weightsFile';
import { formatFiles, textFiles } from '../support/hostileFiles';

const LIMIT_MS = 1000;

function experiment(name: string, text: string): string {
  const parsed = parseExperiment(text, name);
  const runs = new Map();
  experimentLenses(parsed, { obstacle: null, lastRun: null, runs, hidden: new Set() });
  quickFixes(parsed, []);
  hoverAt(parsed, text.length - 2, runs, false);
  if (text.length < 1 << 20) completionsAt(text, name, text.length, { runs: [], hasSchemaHelp: false });
  return parsed.ok ? 'ok' : `${parsed.problems.length} problems, the first: ${parsed.problems[0]?.what}`;
}

function foreign(name: string, text: string): string {
  const found = readForeign(text, name);
  if (!found) return 'no file of another system';
  const fits = foreignFits(text, name);
  fits?.fitsAt(text.length - 2);
  for (const fit of fits?.fits ?? []) {
    fits?.placeOf(fit);
  }
  const { adapter, file } = found;
  return `${adapter.system}, ${'unread' in file ? file.unread : `${file.settings.size} settings`}`;
}

function failureIn(run: () => unknown): string {
  try {
    const value = run();
    return typeof value === 'string' ? value : 'read';
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
}

const readers = { decodeNpyHeader, readPickle, decodeSafetensors, decodeWeights };

let slow = 0;
const only = process.argv[2];
function time(name: string, run: () => unknown): void {
  if (only && !name.includes(only)) return;
  const begun = performance.now();
  const result = failureIn(run);
  const ms = performance.now() - begun;
  if (ms > LIMIT_MS) slow += 1;
  console.log(
    `${ms.toFixed(0).padStart(7)} ms ${ms > LIMIT_MS ? 'SLOW' : '    '} ${name}: ${result.slice(0, 140)}`,
  );
}

for (const { what, name, text } of textFiles()) {
  const isOurs = /\.experiment\./.test(name);
  time(`${what} (${name})`, () => (isOurs ? experiment(name, text()) : foreign(name, text())));
}
for (const { what, reader, bytes } of formatFiles()) time(what, () => readers[reader](bytes()));
process.exitCode = slow === 0 ? 0 : 1;
