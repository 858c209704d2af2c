import * as l10n from '@vscode/l10n';
import { COMMAND_METRICS, COMMAND_SYSTEMS, type MetricsSource } from '../../recipe/commandRecipe';
import { nearest } from '../../shared/nearest';
import type { Path } from '../../shared/path';
import { isMapping, valueAt, withoutValues } from '../../shared/values';
import { ALL_TRICKS, trickCalled } from '../../tricks/registry';
import { explainIssues, type Finding, type Guide } from '../explain';
import type { Fix } from '../problem';
import type { ChosenTrick, CommandArguments, CommandExperiment } from './commandExperiment';
import { placeholderFindings } from './placeholders';
import { commandSchema, type WrittenCommand } from './schema';
import { assignmentIn, PLACEHOLDERS, splitWords } from './words';

export type CommandValidation =
  | { readonly ok: true; readonly experiment: CommandExperiment }
  | { readonly ok: false; readonly findings: readonly Finding[] };

/** Every part of a command experiment, as a source of examples. */
const EXAMPLE = {
  name: 'my-experiment',
  trainer: {
    command: `python train.py --data-dir pets --model resnet50 --output \${run.folder} --experiment out --seed \${seed}`,
    system: COMMAND_SYSTEMS[0],
    working_directory: '../pytorch-image-models',
    metrics: 'auto',
    checkpoint: 'out/last.pth.tar',
    resume: `--resume \${checkpoint}`,
    epochs: 30,
    arguments: { mixup: { with: '--mixup 0.2', without: '' } },
    environment: { OMP_NUM_THREADS: '4' },
    seed_variable: 'SEED',
    values: { lr: 0.1 },
  },
  tricks: Object.fromEntries(ALL_TRICKS.map(({ name, options }) => [name, options.parse({})])),
  seed: 1,
};

/** The parts of other experiments that a command determines. */
const DETERMINED: Readonly<Record<string, () => string>> = {
  model: () =>
    l10n.t('Remove it, and choose the model by an option of the command, such as {0}.', '--model resnet50'),
  data: () =>
    l10n.t('Remove it, and choose the data by an option of the command, such as {0}.', '--data-dir pets'),
  loss: () => l10n.t('Remove it, and set the loss by options of the command.'),
  optimizer: () => l10n.t('Remove it, and use options of the command, such as {0}.', '--opt sgd --lr 0.1'),
  schedule: () => l10n.t('Remove it, and use options of the command, such as {0}.', '--epochs 30'),
  init: () => l10n.t('Remove it, and use an option of the command, such as {0}.', '--pretrained'),
  engine: () => l10n.t('Remove it: the command chooses the device itself.'),
};

/** Validates plain data against the schema of command experiments, and everything that the schema cannot express. */
export function validateCommand(value: unknown, format: Guide['format']): CommandValidation {
  const guide: Guide = { schema: commandSchema, example: EXAMPLE, format, nothing };
  const others = Object.keys(DETERMINED).filter((key) => isMapping(value) && Object.hasOwn(value, key));
  const findings: Finding[] = others.map((key) => ({
    path: [key],
    part: 'key',
    what: l10n.t('{0} cannot be next to trainer: the command determines it.', key),
    remedy: DETERMINED[key]?.() ?? '',
    fix: { type: 'remove' },
  }));
  const own = withoutValues(
    value,
    others.map((key) => [key]),
  );
  if (valueAt(own, ['trainer']) === undefined) findings.push(noTrainer());
  const names = switchNames(own);
  const numbers = [...numbersInEnvironment(own), ...numbersInWords(own)];
  const apart: Path[] = [...names.map((name) => ['tricks', name]), ...numbers];
  const parsed = commandSchema.safeParse(withoutValues(own, apart));
  findings.push(...switchFindings(own, names), ...numbers.map((path) => numberFinding(own, path)));
  if (!parsed.success) {
    const known = new Set(findings.map(({ path }) => path.join('.')));
    const explained = explainIssues(parsed.error.issues, own, guide);
    return {
      ok: false,
      findings: [...findings, ...explained.filter(({ path }) => !known.has(path.join('.')))],
    };
  }
  const reading = readTrainer(parsed.data, own);
  findings.push(...reading.findings);
  if (findings.length > 0) return { ok: false, findings };
  const switches = Object.fromEntries(names.map((name) => [name, valueAt(own, ['tricks', name]) === true]));
  const absent = Object.fromEntries(
    Object.keys(reading.experiment.arguments)
      .filter((name) => trickCalled(name)?.trick.name !== name)
      .map((name) => [name, false]),
  );
  return { ok: true, experiment: { ...reading.experiment, switches: { ...absent, ...switches } } };
}

function nothing(): ReturnType<Guide['nothing']> {
  return {
    what: l10n.t('The file holds no experiment.'),
    remedy: l10n.t('Write at least name and trainer, with command and system.'),
  };
}

function noTrainer(): Finding {
  const trainer = { command: `python train.py --seed \${seed}`, system: COMMAND_SYSTEMS[0] };
  return {
    path: ['trainer'],
    part: 'key',
    what: l10n.t('{0} is missing.', 'trainer'),
    remedy: l10n.t('Add it, with {0} and {1}.', 'command', 'system'),
    fix: { type: 'set', path: ['trainer'], value: trainer, isMeant: false },
  };
}

/** Environment variables are texts, but people write numbers, which YAML would change: 010, 1e3. */
function numbersInEnvironment(value: unknown): Path[] {
  const environment = valueAt(value, ['trainer', 'environment']);
  if (!isMapping(environment)) return [];
  return Object.keys(environment)
    .filter((name) => isNumberOrBoolean(environment[name]))
    .map((name) => ['trainer', 'environment', name]);
}

/** The same in the lists of words of `command` and `resume`. */
function numbersInWords(value: unknown): Path[] {
  return ['command', 'resume'].flatMap((key) => {
    const words = valueAt(value, ['trainer', key]);
    if (!Array.isArray(words)) return [];
    return words.flatMap((word, index) => (isNumberOrBoolean(word) ? [['trainer', key, index]] : []));
  });
}

function isNumberOrBoolean(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'boolean';
}

function numberFinding(value: unknown, path: Path): Finding {
  const text = String(valueAt(value, path));
  return {
    path,
    part: 'value',
    what: l10n.t('{0} must be text, not {1}.', path.join('.'), text),
    remedy: l10n.t('Write it in quotes: {0}.', JSON.stringify(text)),
    fix: { type: 'set', path, value: text, isMeant: true },
  };
}

/** Returns the names under `tricks` that are no tricks of ours, and that `trainer.arguments` has. */
function switchNames(value: unknown): string[] {
  const tricks = valueAt(value, ['tricks']);
  const given = valueAt(value, ['trainer', 'arguments']);
  if (!isMapping(tricks) || !isMapping(given)) return [];
  return Object.keys(tricks).filter(
    (name) => Object.hasOwn(given, name) && trickCalled(name)?.trick.name !== name,
  );
}

function switchFindings(value: unknown, names: readonly string[]): Finding[] {
  return names
    .filter((name) => typeof valueAt(value, ['tricks', name]) !== 'boolean')
    .map((name) => ({
      path: ['tricks', name],
      part: 'value',
      what: l10n.t(
        '{0} must be true or false: its arguments are in {1}.',
        `tricks.${name}`,
        'trainer.arguments',
      ),
      remedy: l10n.t('Use true or false.'),
    }));
}

interface TrainerReading {
  readonly experiment: Omit<CommandExperiment, 'switches'>;
  readonly findings: readonly Finding[];
}

/** Reads the parts of a trainer. The experiment is only valid without findings. */
function readTrainer(written: WrittenCommand, value: unknown): TrainerReading {
  const { trainer } = written;
  const findings: Finding[] = [];
  const names = [...PLACEHOLDERS, ...Object.keys(trainer.values)];
  const read = (
    path: Path,
    source: string | readonly string[],
    known: readonly string[] = names,
  ): string[] => {
    const words = wordsAt(path, source, value);
    findings.push(...words.findings, ...placeholderFindings(path, words.words, known));
    return [...words.words];
  };
  const command = read(['trainer', 'command'], trainer.command);
  const resume =
    trainer.resume === undefined
      ? null
      : read(['trainer', 'resume'], trainer.resume, [...names, 'checkpoint']);
  const given: Record<string, CommandArguments> = {};
  for (const [name, each] of Object.entries(trainer.arguments ?? {})) {
    const path = ['trainer', 'arguments', name];
    const options = optionNames(name);
    findings.push(...nameFindings(path, name), ...aliasFindings(path, name));
    given[name] = {
      with: read([...path, 'with'], each.with, [...names, ...options]),
      without: read([...path, 'without'], each.without),
    };
  }
  for (const [name, text] of Object.entries(trainer.environment)) {
    const path = ['trainer', 'environment', name];
    findings.push(...nameFindings(path, name), ...placeholderFindings(path, [text], names));
  }
  for (const [name, each] of Object.entries(trainer.values)) {
    const path = ['trainer', 'values', name];
    findings.push(...nameFindings(path, name), ...valueFindings(path, name, each));
  }
  findings.push(
    ...seedVariableFindings(trainer),
    ...folderFindings(trainer.working_directory),
    ...metricsFindings(trainer),
    ...(trainer.checkpoint === undefined ? [] : pathFindings(['trainer', 'checkpoint'], trainer.checkpoint)),
  );
  return {
    findings,
    experiment: {
      name: written.name,
      seed: written.seed,
      system: trainer.system,
      command,
      workingDirectory: trainer.working_directory,
      metrics: metricsOf(trainer.metrics),
      checkpoint: trainer.checkpoint ?? null,
      resume,
      epochs: trainer.epochs ?? null,
      environment: trainer.environment,
      seedVariable: trainer.seed_variable ?? null,
      values: Object.fromEntries(Object.entries(trainer.values).map(([name, each]) => [name, String(each)])),
      arguments: given,
      tricks: chosenTricks(written, value),
    },
  };
}

function chosenTricks({ tricks }: WrittenCommand, value: unknown): ChosenTrick[] {
  return ALL_TRICKS.flatMap(({ name, options }): ChosenTrick[] => {
    const choice = tricks[name];
    if (choice === undefined) return [];
    const given = Object.keys(Object(valueAt(value, ['tricks', name])));
    if (choice === false) return [{ name, options: null, given: [] }];
    return [{ name, options: choice === true ? options.parse({}) : choice, given }];
  });
}

/** Returns the options of a trick, which its arguments may use as placeholders. */
function optionNames(name: string): string[] {
  return Object.keys(ALL_TRICKS.find((trick) => trick.name === name)?.options.shape ?? {});
}

function wordsAt(
  path: Path,
  source: string | readonly string[],
  value: unknown,
): { readonly words: readonly string[]; readonly findings: readonly Finding[] } {
  const isCommand = path.length === 2 && path[1] === 'command';
  const split = typeof source === 'string' ? splitWords(source) : { ok: true as const, words: source };
  if (!split.ok) {
    const { what, remedy } = split;
    return { words: [], findings: [{ path, part: 'value', what, remedy }] };
  }
  const { words } = split;
  const assignment = isCommand ? assignmentIn(words[0]) : null;
  if (assignment) return { words, findings: [assignmentFinding(path, assignment, source, value)] };
  if (isCommand && (words[0] ?? '').trim() === '') {
    const what = l10n.t('The command is empty.');
    return {
      words,
      findings: [{ path, part: 'value', what, remedy: l10n.t('Write a program and its arguments.') }],
    };
  }
  return { words, findings: [] };
}

function assignmentFinding(
  path: Path,
  { name, value: set }: { readonly name: string; readonly value: string },
  source: string | readonly string[],
  value: unknown,
): Finding {
  const rest =
    typeof source === 'string' ? source.trimStart().replace(/^\w+=[^\s'"\\]*\s+/, '') : source.slice(1);
  const isPlain = typeof source !== 'string' || rest !== source.trimStart();
  const trainer = valueAt(value, ['trainer']);
  const fix: Fix | undefined =
    isPlain && isMapping(trainer)
      ? {
          type: 'set',
          path: ['trainer'],
          value: {
            ...trainer,
            command: rest,
            environment: { ...Object(trainer.environment), [name]: set },
          },
          isMeant: true,
        }
      : undefined;
  return {
    path,
    part: 'value',
    what: l10n.t('The command starts with {0}, but no shell runs it.', `${name}=${set}`),
    remedy: l10n.t(
      'Remove it there, and write {0} under trainer.',
      `environment: { ${name}: ${JSON.stringify(set)} }`,
    ),
    ...(fix && { fix }),
  };
}

function nameFindings(path: Path, name: string): Finding[] {
  if (/^[A-Za-z_]\w*$/.test(name)) return [];
  return [
    {
      path,
      part: 'key',
      what: l10n.t('{0} is no name.', JSON.stringify(name)),
      remedy: l10n.t('Use letters, digits and underscores, starting with a letter.'),
    },
  ];
}

/** The tricks of a file go by our names, and so do their arguments. */
function aliasFindings(path: Path, name: string): Finding[] {
  const ours = trickCalled(name)?.trick.name;
  if (ours === undefined || ours === name) return [];
  return [
    {
      path,
      part: 'key',
      what: l10n.t('{0} is called {1} here.', name, ours),
      remedy: l10n.t('Write {0}.', ours),
      replacement: ours,
    },
  ];
}

function valueFindings(path: Path, name: string, value: string | number): Finding[] {
  if ([...PLACEHOLDERS, 'checkpoint'].includes(name)) {
    const what = l10n.t('{0} already has a value.', `\${${name}}`);
    return [{ path, part: 'key', what, remedy: l10n.t('Use another name.') }];
  }
  if (typeof value === 'number' || !value.includes(`\${`)) return [];
  const what = l10n.t('{0} must not contain placeholders.', path.join('.'));
  return [{ path, part: 'value', what, remedy: l10n.t('Write the placeholder in the command.') }];
}

function seedVariableFindings({ seed_variable: name, environment }: WrittenCommand['trainer']): Finding[] {
  const path = ['trainer', 'seed_variable'];
  if (name === undefined) return [];
  if (Object.hasOwn(environment, name)) {
    const what = l10n.t('{0} sets {1}, too.', 'trainer.environment', name);
    return [{ path, part: 'value', what, remedy: l10n.t('Remove one of them.') }];
  }
  return nameFindings(path, name).map((finding) => ({ ...finding, part: 'value' }));
}

function folderFindings(folder: string): Finding[] {
  const path = ['trainer', 'working_directory'];
  if (folder.includes(`\${`)) {
    const what = l10n.t('{0} must not contain placeholders.', path.join('.'));
    return [{ path, part: 'value', what, remedy: l10n.t("Write a folder, relative to this file's folder.") }];
  }
  if (!/^~(?:[\\/]|$)/.test(folder)) return [];
  const what = l10n.t('The path contains {0}, but no shell replaces it.', '~');
  return [{ path, part: 'value', what, remedy: l10n.t('Write the full path.') }];
}

/** Returns the findings for a path that is not below the run's folder. */
function pathFindings(path: Path, written: string): Finding[] {
  const name = path.join('.');
  const below = /^\$\{run\.folder\}[\\/]+([^$]+)$/.exec(written)?.[1];
  if (below !== undefined) {
    return [
      {
        path,
        part: 'value',
        what: l10n.t("{0} is relative to the run's folder anyway.", name),
        remedy: l10n.t('Write {0}.', below),
        fix: { type: 'set', path, value: below, isMeant: true },
      },
    ];
  }
  if (written.includes(`\${`)) {
    const what = l10n.t('{0} must not contain placeholders.', name);
    return [{ path, part: 'value', what, remedy: l10n.t("Write a path relative to the run's folder.") }];
  }
  if (isBelow(written)) return [];
  return [
    {
      path,
      part: 'value',
      what: l10n.t("{0} must be in the run's folder, not {1}.", name, written),
      remedy: l10n.t(
        "Write a path relative to the run's folder, and let the command write there by {0}.",
        `\${run.folder}`,
      ),
    },
  ];
}

/** Whether a path is relative and stays below its folder, on every system. */
export function isBelow(path: string): boolean {
  return !/^(?:[\\/~]|[A-Za-z]:)/.test(path) && !path.split(/[\\/]/).includes('..');
}

function metricsFindings({ metrics }: WrittenCommand['trainer']): Finding[] {
  const path = ['trainer', 'metrics'];
  if (metrics === 'auto') return [];
  if ('csv' in metrics) {
    const hasColumns = Object.keys(metrics.columns).length > 0;
    return [
      ...pathFindings([...path, 'csv'], metrics.csv),
      ...(hasColumns ? [] : [noMetric([...path, 'columns'], l10n.t('columns names no metric.'))]),
    ];
  }
  if ('stdout' in metrics) return patternFindings([...path, 'stdout'], metrics.stdout);
  if ('json_lines' in metrics)
    return metrics.json_lines === 'stdout' ? [] : pathFindings([...path, 'json_lines'], metrics.json_lines);
  return pathFindings([...path, 'tensorboard'], metrics.tensorboard);
}

function noMetric(path: Path, what: string): Finding {
  return {
    path,
    part: 'value',
    what,
    remedy: l10n.t('Name at least one of {0}.', COMMAND_METRICS.join(', ')),
  };
}

function patternFindings(path: Path, pattern: string): Finding[] {
  const groups = groupsOf(pattern);
  if (groups === null) {
    const meant = pattern.replaceAll('(?P<', '(?<');
    const isMeant = meant !== pattern && groupsOf(meant) !== null;
    return [
      {
        path,
        part: 'value',
        what: l10n.t('{0} is no valid regular expression.', path.join('.')),
        remedy: isMeant
          ? l10n.t('Write named groups as {0}, as in JavaScript.', '(?<loss>...)')
          : l10n.t('Use a regular expression as in JavaScript, such as {0}.', EXAMPLE_PATTERN),
        ...(isMeant && { fix: { type: 'set', path, value: meant, isMeant: true } as const }),
      },
    ];
  }
  const metrics: readonly string[] = COMMAND_METRICS;
  if (groups.some((name) => metrics.includes(name))) return [];
  const [near] = groups.flatMap((name) => nearest(name, metrics) ?? []);
  const finding = noMetric(path, l10n.t('The regular expression has no named group that is a metric.'));
  return [
    near === undefined ? finding : { ...finding, remedy: l10n.t('Did you mean {0}?', `(?<${near}>...)`) },
  ];
}

const EXAMPLE_PATTERN = 'epoch (?<epoch>\\d+) loss (?<loss>[\\d.]+)';

/** Returns the names of a pattern's groups, null if it is no regular expression. */
function groupsOf(pattern: string): string[] | null {
  try {
    // With an empty alternative it matches any text, so that the groups are listed.
    return Object.keys(new RegExp(`${pattern}|`).exec('')?.groups ?? {});
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function metricsOf(metrics: WrittenCommand['trainer']['metrics']): MetricsSource {
  if (metrics === 'auto') return { kind: 'auto' };
  if ('json_lines' in metrics) {
    return { kind: 'json_lines', path: metrics.json_lines === 'stdout' ? null : metrics.json_lines };
  }
  const { percent, first_epoch: firstEpoch } = metrics;
  if ('csv' in metrics) {
    return { kind: 'csv', path: metrics.csv, names: metrics.columns, percent, firstEpoch };
  }
  if ('stdout' in metrics) return { kind: 'stdout', pattern: metrics.stdout, percent, firstEpoch };
  return { kind: 'tensorboard', path: metrics.tensorboard, names: metrics.tags, percent, firstEpoch };
}
