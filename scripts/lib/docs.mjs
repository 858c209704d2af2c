// @ts-check
// Generates the tables of docs/experiment-file.md and docs/command-experiments.md.

/** @typedef {{ name: string, brief(): string, options: { parse(value: object): Record<string, unknown> } }} Trick */
/** @typedef {Record<string, any>} JsonSchema */
/** @typedef {{ path: string, required: boolean, schema: JsonSchema, kinds: string[], others: string[] }} Key */
/**
 * @typedef {object} Sources
 * @property {JsonSchema} schema the JSON Schema of an experiment
 * @property {readonly Trick[]} tricks
 * @property {readonly ModelRow[]} models
 * @property {Record<string, readonly { step: string }[]>} presets
 */
/** @typedef {{ name: string, parameters: number, multiplyAdds: number, input: readonly number[], classes: number }} ModelRow */

/**
 * Returns `document` with the text between each pair of markers replaced, e.g. from `<!-- tricks -->` to
 * `<!-- end of tricks -->`.
 * @param {string} document
 * @param {Sources} sources
 * @throws if a pair of markers is missing
 */
export function withTables(document, sources) {
  const { schema, tricks, models, presets } = sources;
  const { data, tricks: trickSchemas } = schema.properties;
  const tables = {
    keys: keyTable(keysOf(schema, '').filter((key) => isInKeyTable(key, data))),
    'data sets': datasetTable(data),
    presets: presetTable(stepNamesAndPresets(data).presets, presets),
    steps: stepTable(data),
    tricks: trickTable(tricks),
    'trick options': keyTable(
      keysOf(trickSchemas, 'tricks').filter(({ path }) => path.split('.').length > 2),
    ),
    models: modelTable(schema.properties.model, models),
  };
  return withEach(document, tables);
}

/**
 * Returns the page about command experiments with its tables replaced.
 * @param {string} document
 * @param {{ schema: JsonSchema, tricks: readonly (readonly string[])[] }} sources the JSON Schema of a command experiment, and
 *   rows of a trick and its options in each system
 * @throws if a pair of markers is missing
 */
export function withCommandTables(document, { schema, tricks }) {
  const keys = keysOf(schema, '').filter(({ path }) => !path.startsWith('tricks.'));
  return withEach(document, {
    keys: keyTable(keys),
    'trick options': table(
      ['trick', 'timm', 'torchvision', 'MMPretrain'],
      tricks.map((row) => [...row]),
    ),
  });
}

/** A short command of each system. No trick is in it, as far as the system's defaults permit. */
const COMMANDS = {
  timm: 'python train.py --model resnet50 --data-dir pets',
  torchvision: 'python train.py --model resnet50',
  mmpretrain: 'python tools/train.py config.py',
};

const CONFIG = `
default_scope = 'mmpretrain'
model = dict(
    type='ImageClassifier',
    backbone=dict(type='ResNet', depth=50),
    head=dict(type='LinearClsHead', num_classes=1000, loss=dict(type='CrossEntropyLoss')))
train_dataloader = dict(batch_size=32)
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1))
train_cfg = dict(by_epoch=True, max_epochs=100)
`;

/**
 * Returns a row per trick with the options that each system's command gets for its defaults. Empty if there are none.
 * @param {readonly Trick[]} tricks
 * @param {(text: string, fileName: string, settings: string[], options: object) => any} parseAnyExperiment
 */
export function trickOptionRows(tricks, parseAnyExperiment) {
  return tricks.map(({ name }) => [
    `\`${name}\``,
    ...Object.entries(COMMANDS).map(([system, command]) => {
      const text = `name: a\ntrainer: { command: ${command}, system: ${system} }\n`;
      const parsed = parseAnyExperiment(text, 'a.experiment.yaml', [`tricks.${name}=true`], {
        readText: (/** @type {string} */ path) => (path === 'config.py' ? CONFIG : null),
      });
      if (!parsed.ok) return '';
      const added = parsed.recipe.command.slice(command.split(' ').length);
      return added.length > 0 ? `\`${added.join(' ')}\`` : 'by default';
    }),
  ]);
}

/**
 * @param {string} document
 * @param {Record<string, string>} tables by the name in their markers
 */
function withEach(document, tables) {
  let text = document;
  for (const [name, table] of Object.entries(tables)) {
    const [start, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
    const [from, to] = [text.indexOf(start), text.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`The document has no ${start} ... ${end}`);
    text = `${text.slice(0, from + start.length)}\n\n${table}\n\n${text.slice(to)}`;
  }
  return text;
}

/**
 * Returns the size of every model at its default options, on the task that it is designed for.
 * @param {object} modules
 * @param {any} modules.schema src/experiment/schema
 * @param {any} modules.spec src/experiment/modelSpec
 * @param {any} modules.catalog src/models/catalog
 * @param {any} modules.graph src/models/graph
 * @returns {ModelRow[]}
 */
export function modelRows({ schema, spec, catalog, graph }) {
  const model = schema.experimentSchema.shape.model;
  const names = model.options.flatMap(
    (/** @type {any} */ { shape }) => shape.name.options ?? [...shape.name.values],
  );
  return names.map((/** @type {string} */ name) => {
    const { inputSize, classes } = catalog.defaultTask(name);
    // MNIST-sized models are counted on grayscale images.
    const input = [inputSize, inputSize, inputSize === 28 ? 1 : 3];
    const network = catalog.buildGraph(spec.modelSpec(model.parse({ name })), input, classes);
    const parameters = graph.elementsOf(graph.parametersOf(network));
    return { name, parameters, multiplyAdds: graph.multiplyAddsOf(network), input, classes };
  });
}

/** @param {readonly Trick[]} tricks */
export function trickTable(tricks) {
  return table(
    ['trick', 'what it does', 'options, with their defaults'],
    tricks.map((trick) => [`\`${trick.name}\``, trick.brief(), optionsOf(trick)]),
  );
}

/**
 * Options that have no useful default are listed by name alone.
 * @param {Trick} trick
 */
function optionsOf({ options }) {
  return Object.entries(options.parse({}))
    .map(([name, value]) => (value === '' ? `\`${name}\`` : `\`${name}: ${value}\``))
    .join(', ');
}

/**
 * Returns the keys below `path`. A key that several kinds of a union share is listed once if its schema is the same.
 * @param {JsonSchema} schema
 * @param {string} path
 * @returns {Key[]}
 */
function keysOf(schema, path) {
  const branches = objectsOf(schema);
  /** @type {Map<string, Key>} */
  const keys = new Map();
  for (const branch of branches) {
    for (const [name, child] of Object.entries(
      /** @type {Record<string, JsonSchema>} */ (branch.properties),
    )) {
      const key = path === '' ? name : `${path}.${name}`;
      const selector =
        branches.length > 1 && kindOf(branch).length > 0 && Object.keys(branch.properties)[0] === name;
      const id = selector ? key : `${key} ${JSON.stringify(child)}`;
      const known = keys.get(id);
      const own = branches.length > 1 ? kindOf(branch) : [];
      if (known) known.kinds.push(...own);
      else {
        const required = Boolean(branch.required?.includes(name));
        keys.set(id, {
          path: key,
          required,
          schema: selector ? selectorOf(branches, name) : child,
          kinds: [...own],
          others: [],
        });
      }
    }
  }
  const all = branches.flatMap(kindOf);
  const firsts = [...new Set([...keys.values()].map((key) => key.path))];
  const grouped = firsts.flatMap((first) => [...keys.values()].filter((key) => key.path === first));
  return grouped.flatMap((key) => {
    const below = isList(key.schema) ? [] : keysOf(key.schema, key.path);
    const isOfAll = key.kinds.length === all.length;
    const own = isOfAll ? {} : { kinds: key.kinds, others: all.filter((kind) => !key.kinds.includes(kind)) };
    return [
      { ...key, kinds: [], others: [], ...own },
      ...below.map((each) => (each.kinds.length > 0 ? each : { ...each, ...own })),
    ];
  });
}

/**
 * Whether a key is in the table of keys. Those of one kind of data set and those of tricks have their own tables.
 * @param {Key} key
 * @param {JsonSchema} data
 */
function isInKeyTable({ path, kinds }, data) {
  const [first] = path.split('.');
  if (first === 'tricks') return path === first;
  return first !== 'data' || path.split('.').length === 1 || isShared(kinds, data);
}

/**
 * Whether a data key applies to more than half of the kinds of data sets. The others are in the table of data sets.
 * @param {string[]} kinds
 * @param {JsonSchema} data
 */
function isShared(kinds, data) {
  return kinds.length === 0 || kinds.length > objectsOf(data).length / 2;
}

/** @param {JsonSchema} schema */
const isList = (schema) => [schema, ...(schema.anyOf ?? [])].some(({ type }) => type === 'array');

/**
 * Returns the mappings that a schema accepts.
 * @param {JsonSchema} schema
 * @returns {JsonSchema[]}
 */
function objectsOf(schema) {
  if (schema.properties) return [schema];
  return [...(schema.oneOf ?? []), ...(schema.anyOf ?? [])].flatMap(objectsOf);
}

/**
 * Returns the names that select a branch of a union, such as `sgd`.
 * @param {JsonSchema} branch
 * @returns {string[]}
 */
function kindOf(branch) {
  const [selector] = Object.values(/** @type {Record<string, JsonSchema>} */ (branch.properties));
  if (!selector) return [];
  return selector.enum ?? (selector.const === undefined ? [] : [selector.const]);
}

/**
 * Where kinds with a table of their own are described.
 * @type {Record<string, string>}
 */
const TABLES = {
  dataset: 'The kind of data set, see [Data sets](#data-sets).',
  model: 'The network, see [Models](#models).',
};

/**
 * Merges the key that selects a branch, with the meaning of each of its values.
 * @param {JsonSchema[]} branches
 * @param {string} name
 * @returns {JsonSchema}
 */
function selectorOf(branches, name) {
  const schemas = branches.map(({ properties }) => properties[name]).filter(Boolean);
  return {
    enum: schemas.flatMap((each) => each.enum ?? [each.const]),
    description:
      TABLES[
        name === 'dataset' ? name : branches.some(({ properties }) => properties.variant) ? 'model' : ''
      ] ?? schemas.map((each) => `${code(each.enum ?? [each.const])}: ${each.description}`).join(' '),
  };
}

/** @param {readonly Key[]} keys */
function keyTable(keys) {
  return table(
    ['key', 'values', 'default', 'what it does'],
    keys.map(({ path, required, schema, kinds, others }) => [
      `\`${path}\``,
      valuesOf(schema),
      required ? 'required' : defaultOf(schema),
      `${condition(kinds, others)}${schema.description ?? ''}`,
    ]),
  );
}

/**
 * Names the kinds that have a key, or those that lack it, whichever are fewer.
 * @param {string[]} kinds
 * @param {string[]} others
 */
function condition(kinds, others) {
  if (kinds.length === 0) return '';
  return others.length < kinds.length ? `Except with ${code(others)}: ` : `With ${code(kinds)}: `;
}

/** @param {JsonSchema} data */
function datasetTable(data) {
  const kinds = objectsOf(data);
  const keys = keysOf(data, '').filter(
    ({ path, kinds: own }) => path !== 'dataset' && !path.includes('.') && !isShared(own, data),
  );
  return table(
    ['`dataset`', 'what it is', 'keys of its own'],
    kinds.map((branch) => {
      const [kind] = kindOf(branch);
      return [
        `\`${kind}\``,
        branch.properties.dataset.description,
        keys
          .filter(({ kinds: own }) => own.includes(kind ?? ''))
          .map(
            ({ path, required, schema }) =>
              `\`${path}\` (${[valuesOf(schema), required ? 'required' : defaultOf(schema) && `default ${defaultOf(schema)}`].filter(Boolean).join(', ')}): ${schema.description ?? ''}`,
          )
          .join('<br>'),
      ];
    }),
  );
}

/** @param {JsonSchema} data */
function stepNamesAndPresets(data) {
  const [names, list] = objectsOf(data)[0]?.properties.augment.anyOf ?? [];
  return { presets: /** @type {string[]} */ (names.enum), steps: objectsOf(list.items) };
}

/**
 * @param {readonly string[]} names
 * @param {Sources['presets']} presets
 */
function presetTable(names, presets) {
  /** @type {Record<string, readonly { step: string }[]>} */
  const placings = { flip: [{ step: 'flip' }], crop_flip: [{ step: 'padded_crop' }, { step: 'flip' }] };
  return table(
    ['`augment`', 'steps'],
    names.map((name) => {
      const steps = presets[name] ?? placings[name];
      if (!steps) throw new Error(`The steps of the preset ${name} are not known`);
      return [`\`${name}\``, steps.length > 0 ? code(steps.map(({ step }) => step)) : 'no augmentation'];
    }),
  );
}

/** @param {JsonSchema} data */
function stepTable(data) {
  return table(
    ['step', 'what it does', 'options'],
    stepNamesAndPresets(data).steps.map(({ properties: { step, ...options } }) => [
      `\`${step.const}\``,
      step.description,
      Object.entries(/** @type {Record<string, JsonSchema>} */ (options))
        .map(([name, option]) => {
          const given = defaultOf(option);
          return `\`${name}\` (${valuesOf(option)}${given && `, default ${given}`}): ${option.description ?? ''}`;
        })
        .join('<br>'),
    ]),
  );
}

/**
 * @param {JsonSchema} schema
 * @param {readonly ModelRow[]} rows
 */
function modelTable(schema, rows) {
  return table(
    ['`model.name`', 'what it is', 'options', 'parameters', 'multiply-adds', 'input', 'classes'],
    rows.map(({ name, parameters, multiplyAdds, input: [height, width, channels], classes }) => {
      const branch = objectsOf(schema).find((each) => kindOf(each).includes(name));
      const { name: selector, input_size: _, classes: __, ...options } = branch?.properties ?? {};
      return [
        `\`${name}\``,
        selector.description,
        Object.entries(/** @type {Record<string, JsonSchema>} */ (options))
          .map(([option, { default: given }]) => `\`${option}: ${shown(given)}\``)
          .join(', '),
        amount(parameters),
        amount(multiplyAdds),
        `${height} x ${width} x ${channels}`,
        `${classes}`,
      ];
    }),
    ['---', '---', '---', '---:', '---:', '---', '---:'],
  );
}

/** @param {number} count */
function amount(count) {
  return count < 1e9 ? `${(count / 1e6).toFixed(2)} M` : `${(count / 1e9).toFixed(2)} G`;
}

/**
 * Describes the values that a schema accepts.
 * @param {JsonSchema} schema
 * @returns {string}
 */
function valuesOf(schema) {
  if (schema.enum) return code(schema.enum);
  if (schema.const !== undefined) return code([schema.const]);
  const branches = schema.oneOf ?? schema.anyOf;
  if (branches) return [...new Set(branches.map(valuesOf))].join(' or ');
  switch (schema.type) {
    case 'integer':
    case 'number':
      return `${schema.type}${rangeOf(schema)}`;
    case 'boolean':
      return '`true`, `false`';
    case 'array':
      return Array.isArray(schema.items)
        ? `\`[low, high]\`, each ${valuesOf(schema.items[0])}`
        : `list: ${valuesOf(schema.items)}`;
    case 'object':
      return 'mapping';
    default:
      return schema.pattern ? 'multiple such as `10x`' : 'text';
  }
}

/** @param {JsonSchema} schema */
function rangeOf({ type, minimum, maximum, exclusiveMinimum, exclusiveMaximum }) {
  const least = type === 'integer' && exclusiveMinimum !== undefined ? exclusiveMinimum + 1 : minimum;
  if (least !== undefined && maximum !== undefined) return ` from ${least} to ${maximum}`;
  const bounds = [
    least !== undefined ? `>= ${least}` : exclusiveMinimum !== undefined ? `> ${exclusiveMinimum}` : '',
    maximum !== undefined ? `<= ${maximum}` : exclusiveMaximum !== undefined ? `< ${exclusiveMaximum}` : '',
  ].filter(Boolean);
  return bounds.length > 0 ? ` ${bounds.join(', ')}` : '';
}

/** @param {JsonSchema} schema */
function defaultOf({ default: given }) {
  const isEmpty =
    given === undefined ||
    given === '' ||
    (typeof given === 'object' && Object.keys(given).length === 0 && !Array.isArray(given));
  return isEmpty ? '' : `\`${shown(given)}\``;
}

/**
 * @param {unknown} value
 * @returns {string}
 */
function shown(value) {
  if (Array.isArray(value)) return `[${value.map(shown).join(', ')}]`;
  return typeof value === 'number' ? `${Number(value.toPrecision(5))}` : `${value}`;
}

/** @param {readonly unknown[]} values */
function code(values) {
  return values.map((value) => `\`${value}\``).join(', ');
}

/**
 * @param {readonly string[]} head
 * @param {readonly (readonly string[])[]} rows
 * @param {readonly string[]} [rule]
 */
function table(head, rows, rule = head.map(() => '---')) {
  return [head, rule, ...rows]
    .map((cells) =>
      `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`.replaceAll(/ {2}(?=\|)/g, ' '),
    )
    .join('\n');
}
