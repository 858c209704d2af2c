/** The walls of the house: which folder may import which, and who may use VS Code, TensorFlow.js and Node. */
import { dirname, join, normalize } from 'node:path/posix';

/** A first-level folder of src, or the dashboard's. */
type Room = keyof typeof MAY_IMPORT;

/** The rooms that each room may import. `ARCHITECTURE.md` explains each room. */
const MAY_IMPORT = {
  shared: [],
  system: ['shared'],
  models: ['shared'],
  recipe: ['models', 'shared'],
  tricks: ['recipe', 'models', 'shared'],
  experiment: ['tricks', 'recipe', 'models', 'shared'],
  protocol: ['recipe', 'models', 'shared'],
  interop: ['experiment', 'tricks', 'recipe', 'models', 'protocol', 'shared'],
  study: ['interop', 'experiment', 'tricks', 'recipe', 'models', 'protocol', 'shared'],
  insight: ['study', 'interop', 'experiment', 'tricks', 'recipe', 'models', 'protocol', 'shared'],
  runs: ['weights', 'protocol', 'recipe', 'models', 'system', 'shared'],
  weights: ['recipe', 'models', 'system', 'shared'],
  datasets: ['recipe', 'models', 'system', 'shared'],
  engines: ['protocol', 'recipe', 'system', 'shared'],
  backends: ['engines', 'protocol', 'recipe', 'models', 'system', 'shared'],
  training: [
    'datasets',
    'backends',
    'engines',
    'runs',
    'weights',
    'protocol',
    'recipe',
    'models',
    'system',
    'shared',
  ],
  commandTrainer: ['interop', 'runs', 'protocol', 'recipe', 'system', 'shared'],
  searches: [
    ...['study', 'experiment', 'tricks', 'runs', 'engines'],
    ...['recipe', 'models', 'protocol', 'system', 'shared'],
  ],
  studies: [
    ...['datasets', 'runs', 'study', 'experiment', 'tricks'],
    ...['recipe', 'models', 'protocol', 'system', 'shared'],
  ],
  cli: [
    ...[
      'searches',
      'studies',
      'datasets',
      'engines',
      'runs',
      'weights',
      'insight',
      'study',
      'interop',
      'experiment',
      'tricks',
    ],
    ...['recipe', 'models', 'protocol', 'system', 'shared'],
  ],
  extension: [
    ...[
      'studies',
      'datasets',
      'engines',
      'runs',
      'weights',
      'insight',
      'study',
      'interop',
      'experiment',
      'tricks',
    ],
    ...['recipe', 'models', 'protocol', 'system', 'shared'],
  ],
  'extension.ts': ['extension'],
  webview: ['protocol', 'recipe', 'models', 'shared'],
} as const satisfies Record<string, readonly string[]>;

/**
 * Parts of a room that may import more than the rest of it. The trainer process names tricks in its remedies. The
 * command line shows images as training augments them.
 */
const MAY_ALSO_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'src/training/trainer/': ['tricks'],
  'src/cli/sheets.ts': ['training'],
};

/** Rooms that read no files and start no processes. Callers pass a function for anything that must be read. */
const PURE: readonly string[] = [
  ...['shared', 'models', 'recipe', 'tricks', 'experiment', 'protocol', 'interop', 'study', 'insight'],
];
/** Rooms that are also bundled into the dashboard: no Node at all. */
const IN_THE_PAGE: readonly string[] = ['shared', 'models', 'recipe', 'protocol', 'webview'];
/** The Node modules that touch nothing outside the process. */
const HARMLESS = ['node:util'];

const USES_TENSORFLOW: readonly string[] = ['backends', 'training'];
const USES_VSCODE: readonly string[] = ['extension', 'extension.ts'];

/** Maps a file's path from the root, such as src/runs/store.ts, to its text. */
export type Tree = ReadonlyMap<string, string>;

interface Import {
  readonly from: string;
  readonly to: string;
}

/** Returns the imports that cross a wall, one sentence each with the file and its import. */
export function wallProblems(tree: Tree): string[] {
  return importsOf(tree).flatMap(({ from, to }) => {
    const problem = problemOf(from, to);
    return problem ? [`${from} imports ${to}: ${problem}`] : [];
  });
}

function problemOf(from: string, to: string): string | null {
  const room = roomOf(from);
  if (!(room in MAY_IMPORT)) return `the walls know no folder ${room}`;
  if (to === 'vscode' && !USES_VSCODE.includes(room)) return `${room} may not use VS Code`;
  if (to.startsWith('@tensorflow/') && !USES_TENSORFLOW.includes(room))
    return `${room} may not use TensorFlow.js`;
  if (to.startsWith('node:')) {
    if (IN_THE_PAGE.includes(room)) return `${room} runs in the page, which has no Node`;
    return PURE.includes(room) && !HARMLESS.includes(to) ? `${room} is pure` : null;
  }
  if (!to.startsWith('src/') && !to.startsWith('webview/')) return null;
  const other = roomOf(to);
  const more = Object.entries(MAY_ALSO_IMPORT).flatMap(([part, rooms]) =>
    from.startsWith(part) ? rooms : [],
  );
  const allowed: readonly string[] = [...MAY_IMPORT[room as Room], ...more];
  if (other === room || allowed.includes(other)) return null;
  return `${room} may import ${allowed.join(', ') || 'no other folder'}`;
}

/** Returns import cycles among files and among first-level folders, each as its members in order. */
export function circlesOf(tree: Tree): { files: string[][]; rooms: string[][] } {
  const imports = importsOf(tree).filter(({ to }) => tree.has(to));
  const between = imports.map(({ from, to }) => ({ from: roomOf(from), to: roomOf(to) }));
  return { files: circlesAmong(imports), rooms: circlesAmong(between.filter(({ from, to }) => from !== to)) };
}

/** Returns strongly connected components with more than one member (Tarjan 1972). */
function circlesAmong(edges: readonly Import[]): string[][] {
  const next = new Map<string, string[]>();
  for (const { from, to } of edges) next.set(from, [...(next.get(from) ?? []), to]);
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const circles: string[][] = [];
  const visit = (node: string) => {
    order.set(node, order.size);
    lowest.set(node, order.size - 1);
    stack.push(node);
    for (const to of next.get(node) ?? []) {
      if (!order.has(to)) visit(to);
      if (stack.includes(to))
        lowest.set(node, Math.min(lowest.get(node) as number, lowest.get(to) as number));
    }
    if (lowest.get(node) !== order.get(node)) return;
    const members = stack.splice(stack.indexOf(node));
    if (members.length > 1) circles.push(members.sort());
  };
  for (const node of next.keys()) if (!order.has(node)) visit(node);
  return circles;
}

/** Matches `import ... from`, `export ... from`, `import '...'` and `import('...')`, for values and types. */
const SPECIFIER = /\b(?:from|import)\s*\(?\s*'([^']+)'/g;

/**
 * Returns every import in a tree, including type imports and dynamic imports. An import of a file in the tree is given
 * as that file's path.
 */
function importsOf(tree: Tree): Import[] {
  return [...tree].flatMap(([from, text]) =>
    [...text.matchAll(SPECIFIER)].map(([, specifier = '']) => {
      if (!specifier.startsWith('.')) return { from, to: specifier };
      const path = normalize(join(dirname(from), specifier));
      const to = [path, `${path}.ts`, `${path}/index.ts`].find((candidate) => tree.has(candidate));
      return { from, to: to ?? path };
    }),
  );
}

function roomOf(path: string): string {
  const [first = '', second = ''] = path.split('/');
  return first === 'src' ? second : first;
}
