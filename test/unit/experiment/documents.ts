import fc from 'fast-check';

/** A generated valid experiment file, written in some style. */
export interface GeneratedFile {
  readonly text: string;
  readonly fileName: string;
}

type Data = { readonly [key: string]: unknown };

const sections = fc.record(
  {
    data: fc.constantFrom<Data>(
      { dataset: 'synthetic', batch_size: 16 },
      { dataset: 'fashion-mnist-sample' },
    ),
    model: fc.constant<Data>({ name: 'resnet8', width: 4 }),
    optimizer: fc.constantFrom<Data>({ base_lr: 0.1, momentum: 0.9 }, { nesterov: false }),
    schedule: fc.constantFrom<Data>(
      { epochs: 9, decay: 'cosine' },
      { epochs: 9 },
      { decay: { name: 'multi_step', milestones: [3, 6] }, epochs: 9 },
    ),
    tricks: fc.constantFrom<Data>(
      {},
      { zero_gamma: true },
      { linear_scaling: { base_batch_size: 256 }, no_bias_decay: true },
      { zero_gamma: false, linear_scaling: {} },
    ),
    seed: fc.integer({ min: 0, max: 99 }),
    engine: fc.constantFrom('auto', 'cpu'),
  },
  { requiredKeys: ['data', 'model'] },
);

/** Plain data of a valid experiment without warmup, with its keys in any order. */
const experiment = fc
  .tuple(fc.constantFrom('plain', 'with "quotes"', "it's: #1", 'ünïcode'), sections)
  .chain(([name, parts]) => {
    const entries = Object.entries({ name, ...parts });
    return fc
      .shuffledSubarray(entries, { minLength: entries.length })
      .map((shuffled): Data => Object.fromEntries(shuffled));
  });

/** Makes random choices while a document is written. */
interface Dice {
  /** True once in `sides` rolls on average. */
  once(sides: number): boolean;
  pick<T>(choices: readonly T[]): T;
}

const dice: fc.Arbitrary<Dice> = fc.infiniteStream(fc.nat({ max: 1 << 20 })).map((stream) => {
  const next = () => stream.next().value as number;
  return {
    once: (sides) => next() % sides === 0,
    pick: (choices) => choices[next() % choices.length]!,
  };
});

const YAML_COMMENTS = ['# note', '#', "# warmup: { epochs: 'x' }", '# "quoted", {braced}'];
const JSON_COMMENTS = ['// note', '/* note */', '// "warmup": true, {', '/* , } */'];

function yamlScalar(value: unknown, roll: Dice): string {
  if (typeof value !== 'string') return String(value);
  const single = `'${value.replaceAll("'", "''")}'`;
  const isPlain = /^[\w ü ï-]+$/.test(value);
  return roll.pick([JSON.stringify(value), single, ...(isPlain ? [value, value] : [])]);
}

function yamlKey(key: string, roll: Dice): string {
  return roll.pick([key, key, key, `"${key}"`, `'${key}'`]);
}

/** Formats a value in braces or brackets, on one line or several. */
function yamlFlow(value: unknown, roll: Dice, indent: string, lines: boolean): string {
  if (Array.isArray(value)) return `[${value.map((item) => yamlFlow(item, roll, indent, false)).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return yamlScalar(value, roll);
  const entries = Object.entries(value);
  const pad = roll.pick(['', ' ']);
  if (entries.length === 0) return roll.pick(['{}', '{}', '{ }']);
  const comment = () => (lines && roll.once(4) ? ` ${roll.pick(YAML_COMMENTS)}` : '');
  const inner = `${indent}  `;
  const items = entries.map(([key, child], index) => {
    const item = `${yamlKey(key, roll)}: ${yamlFlow(child, roll, inner, lines && roll.once(2))}`;
    const isLast = index === entries.length - 1;
    const comma = isLast && !roll.once(4) ? '' : ',';
    return lines ? `\n${inner}${item}${comma}${comment()}` : `${item}${comma}${isLast ? '' : ' '}`;
  });
  return lines ? `{${comment()}${items.join('')}\n${indent}}` : `{${pad}${items.join('')}${pad}}`;
}

function yamlBlock(value: Data, roll: Dice, indent: string, step: string): string {
  const between = () => {
    if (roll.once(8)) return '\n';
    return roll.once(6) ? `${roll.pick([indent, '', `${indent}  `])}${roll.pick(YAML_COMMENTS)}\n` : '';
  };
  const comment = () =>
    roll.once(5) ? `${roll.pick([' ', '   '])}${roll.pick(YAML_COMMENTS)}` : roll.pick(['', '', ' ']);
  return Object.entries(value)
    .map(([key, child]) => {
      const head = `${between()}${indent}${yamlKey(key, roll)}:`;
      if (key === 'tricks' && Object.keys(Object(child)).length === 0 && roll.once(2)) {
        return `${head} # all off\n${roll.once(2) ? `${indent}${step}# warmup: true\n` : ''}`;
      }
      const isFilled = typeof child === 'object' && child !== null && Object.keys(child).length > 0;
      if (isFilled && !Array.isArray(child) && !roll.once(3)) {
        const anchor = roll.once(8) ? ` &${key}` : '';
        return `${head}${anchor}${comment()}\n${yamlBlock(child as Data, roll, indent + step, step)}`;
      }
      if (Array.isArray(child) && roll.once(2)) {
        return `${head}\n${child.map((item) => `${indent}${step}- ${yamlScalar(item, roll)}${comment()}\n`).join('')}`;
      }
      const lines = !Array.isArray(child) && roll.once(3);
      return `${head} ${yamlFlow(child, roll, `${indent}${step}`, lines)}${comment()}\n`;
    })
    .join('');
}

function json(value: unknown, roll: Dice, indent: string, step: string, commented: boolean): string {
  if (Array.isArray(value)) return `[${value.map((item) => JSON.stringify(item)).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value);
  const inner = indent + step;
  const note = () => (commented && roll.once(5) ? ` ${roll.pick(JSON_COMMENTS)}` : '');
  const own = () => (commented && roll.once(7) ? `\n${inner}${roll.pick(JSON_COMMENTS)}` : '');
  const inline = (text: string) => (commented && roll.once(9) ? `${text} /* here */ ` : text);
  if (entries.length === 0) {
    const note = commented ? ['{ /* none */ }', `{\n${inner}// none\n${indent}}`] : [];
    return roll.pick(['{}', '{}', '{ }', `{\n${indent}}`, ...note]);
  }
  const isLast = (index: number) => index === entries.length - 1;
  const comma = (index: number) => (!isLast(index) || (commented && roll.once(4)) ? ',' : '');
  const item = ([key, child]: [string, unknown]) =>
    `${inline(JSON.stringify(key))}:${roll.pick([' ', ' ', ''])}${json(child, roll, inner, step, commented)}`;
  if (indent !== '' && roll.once(2)) {
    const pad = roll.pick(['', ' ']);
    return `{${pad}${entries.map((entry, index) => `${item(entry)}${comma(index)}${isLast(index) ? '' : ' '}`).join('')}${pad}}`;
  }
  const lines = entries.map(
    (entry, index) => `${own()}\n${inner}${item(entry)}${inline('')}${comma(index)}${note()}`,
  );
  return `{${note()}${lines.join('')}${own()}\n${indent}}`;
}

/** Adds CRLF or LF, a final newline or none, and surrounding comments. */
function finish(body: string, comments: readonly string[], roll: Dice): string {
  const ends = ['\n', '\n', '', '\n\n', ...comments.map((comment) => `\n${comment}`), `\n${comments[0]}\n`];
  const text = roll.once(5) ? `${comments[0]}\n${body.trimEnd()}` : body.trimEnd();
  const ended = text + roll.pick(ends);
  return roll.once(4) ? ended.replaceAll('\n', '\r\n') : ended;
}

/** Experiment files in block and flow YAML, in JSON, and in JSON with comments and trailing commas. */
export const experimentFile: fc.Arbitrary<GeneratedFile> = fc
  .tuple(experiment, dice, fc.constantFrom('block', 'flow', 'json', 'compact', 'jsonc'))
  .map(([data, roll, style]) => {
    switch (style) {
      case 'block': {
        const start = roll.once(6) ? '---\n' : '';
        const indent = roll.once(8) ? ' ' : '';
        const body = start + yamlBlock(data, roll, indent, roll.pick(['  ', '  ', '    ', ' ']));
        return { fileName: 'a.experiment.yaml', text: finish(body, YAML_COMMENTS, roll) };
      }
      case 'flow': {
        const body = yamlFlow(data, roll, '', roll.once(2));
        return { fileName: 'a.experiment.yml', text: finish(body, YAML_COMMENTS, roll) };
      }
      case 'compact':
        return { fileName: 'a.experiment.json', text: JSON.stringify(data) + roll.pick(['', '\n']) };
      default: {
        const body = json(data, roll, '', roll.pick(['  ', '    ', '\t']), style === 'jsonc');
        const comments = style === 'jsonc' ? JSON_COMMENTS : [''];
        return { fileName: `a.experiment.${style}`, text: finish(body, comments, roll) };
      }
    }
  });
