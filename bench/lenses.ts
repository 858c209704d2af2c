/**
 * Measures how long the lenses of 2,000-line files take after a key stroke, as medians of processor time: reading the
 * file (done once per version, for everything the editor shows about it), finding the lenses and their lines, and
 * resolving all titles (an editor asks only for the visible ones). Every round reads the file anew, so nothing is
 * cached.
 *
 *     node bench/bundle.mjs lenses && node dist/bench/lenses.js
 */

import { parseExperiment } from '../src/experiment/parse';
import { foreignFits } from '../src/insight/foreignFits';
import {
  type ExperimentLens,
  experimentLenses,
  foreignLenses,
  type LensSurroundings,
} from '../src/insight/lenses';
import { median } from './median';

const LINES = 2000;
const ROUNDS = 20;

const surroundings: LensSurroundings = { obstacle: null, lastRun: null, runs: new Map(), hidden: new Set() };

/** Builds a file of 2,000 lines; `more` supplies the filling. */
function longFile(
  head: readonly string[],
  more: (index: number) => string,
  tail: readonly string[] = [],
): string {
  const filling = Array.from({ length: LINES - head.length - tail.length }, (_, index) => more(index));
  return `${[...head, ...filling, ...tail].join('\n')}\n`;
}

const yaml = (model: string) => [
  'name: long',
  'data: { dataset: synthetic, height: 64, width: 64, channels: 3, batch_size: 256 }',
  `model: { name: ${model} }`,
  'tricks: { warmup: true, ema: true }',
];
const json = [
  '{',
  '"name": "long",',
  '"data": { "dataset": "synthetic", "height": 64, "width": 64, "channels": 3, "batch_size": 256 },',
  '"tricks": { "warmup": true, "ema": true },',
];
const note = (index: number) => `tried ${index}: no better`;

const FILES: readonly (readonly [what: string, fileName: string, text: string])[] = [
  ...['resnet20', 'resnet50', 'densenet121'].map(
    (model) =>
      [
        `YAML with comments, ${model}`,
        'a.experiment.yaml',
        longFile(yaml(model), (i) => `# ${note(i)}`),
      ] as const,
  ),
  [
    'YAML with a list',
    'a.experiment.yaml',
    longFile(
      [
        ...yaml('resnet20'),
        'schedule:',
        '  epochs: 2000',
        '  decay:',
        '    name: multi_step',
        '    milestones:',
      ],
      (index) => `      - ${index + 1}`,
    ),
  ],
  [
    'YAML with as many errors',
    'a.experiment.yaml',
    longFile(yaml('resnet20'), (index) => `key_${index}: ${index}`),
  ],
  [
    'JSON with comments',
    'a.experiment.jsonc',
    longFile(json, (index) => `// ${note(index)}`, ['"model": { "name": "resnet50" }', '}']),
  ],
  [
    "timm's arguments",
    'args.yaml',
    longFile(
      ['model: resnet50', 'opt: sgd', 'lr: 0.1', 'epochs: 90', 'batch_size: 256'],
      (i) => `key_${i}: ${i}`,
    ),
  ],
  [
    "another program's YAML",
    'docker-compose.yaml',
    longFile(['services:'], (index) => `  service_${index}: { image: any }`),
  ],
  [
    'a script of torchvision',
    'train.sh',
    longFile(['torchrun train.py --model resnet50 --epochs 90'], (index) => `echo "${note(index)}"`),
  ],
  [
    'a config of MMPretrain',
    'resnet50_8xb32.py',
    longFile(
      [
        "default_scope = 'mmpretrain'",
        "model = dict(type='ImageClassifier', backbone=dict(type='ResNet', depth=50))",
        'train_cfg = dict(max_epochs=100)',
      ],
      (index) => `name_${index} = dict(type='Any', value=${index})`,
    ),
  ],
];

/** Reads a file and returns a function that finds its lenses. */
function reading(text: string, fileName: string): () => ExperimentLens[] {
  if (fileName.includes('.experiment.')) {
    const parsed = parseExperiment(text, fileName);
    return () => experimentLenses(parsed, surroundings);
  }
  const foreign = foreignFits(text, fileName);
  return () => (foreign ? foreignLenses(foreign, surroundings) : []);
}

/** Returns this process's processor time in milliseconds. */
function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

for (const [what, fileName, text] of FILES) {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const start = processorMs();
    const find = reading(text, fileName);
    const read = processorMs();
    const lenses = find();
    const found = processorMs();
    for (const lens of lenses) lens.face();
    return [read - start, found - read, processorMs() - found, lenses.length];
  });
  const [readMs, findMs, titlesMs, count] = [0, 1, 2, 3].map((part) =>
    median(rounds.map((each) => each[part] ?? 0)),
  );
  console.log(
    `${what}: read ${readMs?.toFixed(1)} ms, ${count} lenses ${findMs?.toFixed(1)} ms, all titles ${titlesMs?.toFixed(1)} ms`,
  );
}
