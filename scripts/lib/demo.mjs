// @ts-check
// The parts of `npm run demo` that need no training. Only Node's own modules: the demo loads them before `npm ci`.
const program = 'node dist/tricks.js';

export const EXAMPLE = 'examples/first-steps.experiment.yaml';

/** The trainings, in order. */
export const STEPS = [
  { title: '1. As it is, without a trick', tricks: [] },
  { title: '2. With cosine decay, which pays here: 3.75 points over three seeds', tricks: ['cosine_decay'] },
  {
    title: '3. With mixup on top, which does not pay in so short a training: 0.95 points are lost',
    tricks: ['cosine_decay', 'mixup'],
  },
];

/** The tricks to try next: the one that pays, and one that the demo does not use. */
export const NEXT = ['cosine_decay', 'label_smoothing'];

/**
 * The arguments of a training with some tricks.
 * @param {readonly string[]} tricks
 * @returns {string[]}
 */
export function runArguments(tricks) {
  return ['run', EXAMPLE, ...tricks.flatMap((trick) => ['--set', `tricks.${trick}=true`])];
}

/**
 * What the demo prints at its end: what to do next, with the commands, ready to paste.
 * @param {string} run the id of the last run
 * @param {string} root the repository's folder
 * @param {string} folder the folder that the person is in
 * @returns {string}
 */
export function nextSteps(run, root, folder) {
  const isElsewhere = root.replace(/[\\/]$/, '') !== folder.replace(/[\\/]$/, '');
  /** @type {[string, string][]} */
  const steps = [
    ...(isElsewhere ? [/** @type {[string, string]} */ (['Go to the project:', `cd ${quoted(root)}`])] : []),
    ['Look at the last run, with its epochs and its worst classes:', `${program} show ${run}`],
    [
      'Run it again with another trick, label smoothing in place of mixup:',
      `${program} ${runArguments(NEXT).join(' ')}`,
    ],
    [
      'One run may gain or lose a point by luck. See what the two tricks are worth over three seeds:',
      `${program} study examples/first-steps.study.yaml`,
    ],
    ['Open the examples in the editor:', 'npm start'],
  ];
  return steps.map(([title, command]) => `${title}\n  ${command}`).join('\n');
}

/** @param {string} path */
function quoted(path) {
  if (/^[\w./:\\@+-]+$/.test(path)) return path;
  return process.platform === 'win32' ? `"${path}"` : `'${path.replaceAll("'", "'\\''")}'`;
}
