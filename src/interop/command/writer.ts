import { isDeepStrictEqual } from 'node:util';
import * as l10n from '@vscode/l10n';
import type { ChosenTrick } from '../../experiment/command/commandExperiment';
import { filled } from '../../experiment/command/placeholders';
import { quotedWord } from '../../experiment/command/words';
import { parseDocument } from '../../experiment/text/document';
import { YAML_NOTATION } from '../../experiment/text/yamlDocument';
import type { Failure } from '../../shared/failure';
import { isMapping } from '../../shared/values';
import type { ReadText } from '../import/adapter';
import { NO_FILES, readForeign } from '../import/adapters';
import { type FlagTable, optionOf, readFlags, wordsOf } from '../import/argparse';
import { joinedPath } from '../import/paths';
import type { ShellWord } from '../import/shell';
import { TIMM_FLAGS } from '../import/timmFlags';
import { TIMM, TORCHVISION } from '../import/trainingPrograms';
import { type CommandPlace, type KnownSystem, launchOfScript } from './knownCommand';
import { type LiftedTricks, liftedTricks, trainTheSame } from './liftedTricks';
import { parseAnyExperiment } from './parse';
import { scriptCommand } from './shellCommand';

export type CommandExperimentText =
  | {
      readonly ok: true;
      /** The text of a YAML file in the folder of the other system's file. */
      readonly text: string;
      /** Whether the folder that the command runs in was not found. The text says so in a comment. */
      readonly isFolderOpen: boolean;
      /** Whether the program has no option for the seed. The text says so in a comment. */
      readonly isSeedOpen: boolean;
    }
  | { readonly ok: false; readonly failure: Failure };

/** The command of another system's file. */
interface Found {
  readonly system: KnownSystem;
  readonly name: string;
  readonly words: readonly string[];
  /** The words without the options of tricks, and these tricks. Null if no trick is to be moved, or none can be. */
  readonly lifted: LiftedTricks | null;
  readonly environment: Readonly<Record<string, string>>;
  /** Relative to the file's folder; null if unknown. */
  readonly folder: string | null;
  readonly seed: number;
  /** Facts about the file that the experiment does not have, for comments. */
  readonly notes: readonly string[];
}

type Outcome = { readonly found: Found } | { readonly reason: string };

/** How many folders above a file may hold the training script. */
const MOST_ABOVE = 5;

/** How the experiment is written. */
export interface WritingOptions {
  /** Reads other files, by paths that start with the folder of the file. */
  readonly readText?: ReadText;
  /**
   * Whether the tricks of the command's options become tricks of the experiment where they can, so that a study can
   * switch them off.
   */
  readonly isLifted?: boolean;
}

/**
 * Returns a command experiment that trains what another system's file describes: arguments of timm's train.py, a shell
 * script that calls timm's or torchvision's train.py, or an MMPretrain config. Output goes to the run's folder, and the
 * seed is that of the experiment.
 */
export function commandExperimentText(
  text: string,
  fileName: string,
  { readText = NO_FILES, isLifted = false }: WritingOptions = {},
): CommandExperimentText {
  const foreign = readForeign(text, fileName, readText);
  if (!foreign) return refused(l10n.t('{0} is no file of timm, torchvision or MMPretrain.', fileName));
  if ('unread' in foreign.file) return refused(foreign.file.unread);
  const outcome = commandOf(foreign.adapter.system, text, fileName, readText);
  if ('reason' in outcome) return refused(outcome.reason);
  const { found } = outcome;
  const lifted = isLifted && found.lifted ? writtenText(found, found.lifted, fileName, readText) : null;
  return lifted?.ok ? lifted : writtenText(found, { words: found.words, tricks: [] }, fileName, readText);
}

function refused(what: string): CommandExperimentText {
  return {
    ok: false,
    failure: {
      what: l10n.t('The command of this file cannot be determined. {0}', what),
      remedy: l10n.t('Write an experiment with {0} by hand.', 'trainer: { command: ..., system: ... }'),
    },
  };
}

function commandOf(system: string, text: string, fileName: string, readText: ReadText): Outcome {
  const base = fileName.split(/[\\/]/).at(-1) ?? fileName;
  const name = base.replace(/\.[^.]*$/, '');
  if (system === 'MMPretrain') return configCommand(name, base, fileName, readText);
  if (/\.(?:sh|bash)$/i.test(base)) return shellCommand(system, text, name, fileName, readText);
  return argumentsCommand(text, fileName, readText);
}

function shellCommand(
  system: string,
  text: string,
  name: string,
  fileName: string,
  readText: ReadText,
): Outcome {
  const reading = scriptCommand(text);
  if (!reading.ok) return reading;
  const { words, environment, folder, others } = reading;
  const known = system === 'timm' ? 'timm' : 'torchvision';
  const table = known === 'timm' ? TIMM.table : TORCHVISION.table;
  const script = launchOfScript(indexed(words), environment)?.script.value ?? 'train.py';
  const isAbsolute = /^(?:[\\/]|[A-Za-z]:)/.test(folder);
  const above = isAbsolute ? folder : folderOf(`${folder}/${script}`, fileName, readText);
  const own = ownOptions(words, known, table);
  if (!own) return { reason: l10n.t('Its options are not those of {0}.', system) };
  return {
    found: {
      ...{ system: known, name, environment, lifted: liftedOptions(words, known, table, environment) },
      notes: others.map((other) => l10n.t('The script also runs: {0}', other.replace(/\s+/g, ' '))),
      words: own.words,
      seed: own.seed,
      folder: above === null || isAbsolute ? above : joinedPath(`${above}/_`, folder) || '.',
    },
  };
}

/** Options whose values belong to the run that wrote the arguments. */
const OF_RUN = ['output', 'experiment', 'seed', 'resume', 'config', 'local_rank', 'data', 'wandb_resume_id'];

/** Returns the command with the arguments in timm's args.yaml that differ from the defaults. */
function argumentsCommand(text: string, fileName: string, readText: ReadText): Outcome {
  const { value } = parseDocument(text, fileName);
  if (!isMapping(value)) return { reason: l10n.t('The file holds no arguments.') };
  const words: string[] = ['python', 'train.py'];
  for (const [key, given] of Object.entries(value)) {
    const flag = Object.hasOwn(TIMM_FLAGS, key) ? TIMM_FLAGS[key] : undefined;
    if (OF_RUN.includes(key) || given === null || given === false) continue;
    if (!flag) return { reason: l10n.t('{0} is no option of {1}.', key, "timm's train.py") };
    if (isDeepStrictEqual(given, flag.byDefault)) continue;
    if (flag.isOlder) {
      const reason = l10n.t(
        '{0} is an option from a release before {1} {2}, which has different defaults.',
        ...[key, 'timm', '1.0'],
      );
      return { reason };
    }
    if (given === '' || (Array.isArray(given) && given.length === 0)) continue;
    words.push(optionOf(key), ...wordsOf(flag, given));
  }
  if (typeof value.data === 'string' && !value.data_dir) words.push('--data-dir', value.data);
  const own = ownOptions(words, 'timm', TIMM.table);
  if (!own) return { reason: l10n.t('Its options are not those of {0}.', 'timm') };
  const seed = typeof value.seed === 'number' && Number.isSafeInteger(value.seed) ? value.seed : 42;
  const folder = folderOf('train.py', fileName, readText, (script) => /\btimm\b/.test(script));
  const name = typeof value.model === 'string' ? value.model : 'timm';
  const notes = [l10n.t('The arguments do not say how many processes trained. This command starts one.')];
  const lifted = liftedOptions(words, 'timm', TIMM.table, {});
  return { found: { system: 'timm', name, words: own.words, lifted, environment: {}, folder, seed, notes } };
}

function configCommand(name: string, base: string, fileName: string, readText: ReadText): Outcome {
  const isOwn = (script: string) => /\bmm(?:pretrain|cls|engine)\b/.test(script);
  const above = folderOf('tools/train.py', fileName, readText, isOwn);
  if (above === null) {
    return { reason: l10n.t("MMPretrain's {0} is not in a folder above the config.", 'tools/train.py') };
  }
  const depth = above === '.' ? 0 : above.split('/').length;
  const folders = fileName.split(/[\\/]/).slice(0, -1);
  if (folders.length < depth) return { reason: l10n.t('The folder of the config is unknown.') };
  const config = [...folders.slice(folders.length - depth), base].join('/');
  const words = [
    ...['python', 'tools/train.py', config, '--work-dir', `\${run.folder}`],
    ...['--cfg-options', `randomness.seed=\${seed}`],
  ];
  return {
    found: {
      ...{ system: 'mmpretrain', name, words, environment: {}, folder: above, seed: 1, notes: [] },
      // Its tricks are in the config.
      lifted: null,
    },
  };
}

/** Returns the nearest folder, from a file's own upwards, that holds a script. Null if none does. */
function folderOf(
  script: string,
  fileName: string,
  readText: ReadText,
  isRight: (script: string) => boolean = () => true,
): string | null {
  for (let above = 0; above <= MOST_ABOVE; above++) {
    const folder = above === 0 ? '.' : Array.from({ length: above }, () => '..').join('/');
    const text = readText(joinedPath(fileName, `${folder}/${script}`));
    if (text !== null && isRight(text)) return folder;
  }
  return null;
}

function indexed(words: readonly string[]): ShellWord[] {
  return words.map((value, at) => ({ start: at, end: at + 1, raw: value, value, isSplit: false }));
}

/** Returns the words with the options for the run's folder and the seed, and the seed that they had. */
function ownOptions(
  words: readonly string[],
  system: 'timm' | 'torchvision',
  table: FlagTable,
): { readonly words: readonly string[]; readonly seed: number } | null {
  const read = (current: readonly string[]) => {
    const launch = launchOfScript(indexed(current), {});
    return launch && readFlags(launch.args, table);
  };
  let own = [...words];
  let seed = 1;
  const set = (setting: string, value: string, isKept = false): boolean => {
    const flags = read(own);
    if (!flags) return false;
    const flag = flags.flags.findLast((each) => each.setting === setting);
    if (setting === 'seed' && typeof flag?.value === 'number') seed = flag.value;
    const [first] = flag?.values ?? [];
    if (!flag) own = [...own, optionOf(setting), value];
    else if (isKept) return true;
    else if (first) own[first.start] = value;
    else own[flag.word.start] = `${optionOf(setting)}=${value}`;
    return true;
  };
  const isSet =
    system === 'timm'
      ? set('output', `\${run.folder}`) && set('experiment', 'out', true) && set('seed', `\${seed}`)
      : set('output-dir', `\${run.folder}`);
  return isSet ? { words: own, seed } : null;
}

/** Returns a command without the options of tricks, with the options for the run's folder and the seed. */
function liftedOptions(
  words: readonly string[],
  system: 'timm' | 'torchvision',
  table: FlagTable,
  environment: Readonly<Record<string, string>>,
): LiftedTricks | null {
  const lifted = liftedTricks(system, words, placeOf(environment));
  const own = lifted.tricks.length > 0 ? ownOptions(lifted.words, system, table) : null;
  return own && { words: own.words, tricks: lifted.tricks };
}

/** These programs are known by their options alone. */
function placeOf(environment: Readonly<Record<string, string>>): CommandPlace {
  return { environment, workingDirectory: '.', fileName: '', readText: NO_FILES };
}

/** Writes the experiment, and checks that it is read with the same command. */
function writtenText(
  found: Found,
  { words, tricks }: LiftedTricks,
  fileName: string,
  readText: ReadText,
): CommandExperimentText {
  const { system, name, environment, folder, seed, notes } = found;
  const isSeedOpen = system === 'torchvision' && !Object.hasOwn(environment, SEED_VARIABLE);
  const lines = [
    ...notes.map((note) => `# ${note}`),
    `name: ${YAML_NOTATION.inline(name)}`,
    'trainer:',
    ...commandLines(words),
    `  system: ${system}`,
    ...(folder === null
      ? [`  # ${l10n.t('Set working_directory to the folder that holds the training script.')}`]
      : folder === '.'
        ? []
        : [`  working_directory: ${YAML_NOTATION.inline(folder)}`]),
    ...(Object.keys(environment).length > 0 ? [`  environment: ${YAML_NOTATION.inline(environment)}`] : []),
    ...(isSeedOpen ? seedLines() : []),
    `seed: ${seed}`,
    ...trickLines(tricks),
  ];
  const text = `${lines.join('\n')}\n`;
  const experimentFile = joinedPath(fileName, 'new.experiment.yaml');
  const parsed = parseAnyExperiment(text, experimentFile, [], { readText });
  if (!parsed.ok) return refused(parsed.problems[0]?.what ?? '');
  const expected = found.words.map((word) => filled(word, { seed: String(seed) }));
  const isSame =
    parsed.kind === 'command' &&
    (tricks.length > 0
      ? trainTheSame(system, parsed.recipe.command, expected, placeOf(environment))
      : isDeepStrictEqual(parsed.recipe.command, expected)) &&
    isDeepStrictEqual(parsed.recipe.environment, {
      ...environment,
      ...(isSeedOpen && { [SEED_VARIABLE]: String(seed) }),
    });
  return isSame
    ? { ok: true, text, isFolderOpen: folder === null, isSeedOpen }
    : refused(l10n.t('It contains text that an experiment cannot have.'));
}

/** Formats tricks as the experiment's section of them. */
function trickLines(tricks: readonly ChosenTrick[]): string[] {
  if (tricks.length === 0) return [];
  return [
    `# ${l10n.t('These tricks were options of the command. Here, a study can switch them off.')}`,
    'tricks:',
    ...tricks.map(({ name, options, given }) => {
      const value = Object.fromEntries(given.map((option) => [option, options?.[option]]));
      return `  ${name}: ${given.length === 0 ? 'true' : YAML_NOTATION.inline(value)}`;
    }),
  ];
}

/** The environment variable for the seed of programs without an option for it. */
const SEED_VARIABLE = 'SEED';

function seedLines(): string[] {
  return [
    `  # ${l10n.t('train.py has no option for the seed. To repeat runs, add this line to it:')}`,
    `  # torch.manual_seed(int(os.environ["${SEED_VARIABLE}"]))`,
    `  seed_variable: ${SEED_VARIABLE}`,
  ];
}

const LINE_LENGTH = 100;

/** Formats a command as folded lines, one option after another, or as a list if a word has a line break. */
function commandLines(words: readonly string[]): string[] {
  if (words.some((word) => /[\r\n\t]/.test(word))) {
    return ['  command:', ...words.map((word) => `    - ${JSON.stringify(word)}`)];
  }
  const lines: string[] = [];
  let line = '';
  for (const word of words.map(quotedWord)) {
    if (line !== '' && line.length + word.length + 1 > LINE_LENGTH && word.startsWith('-')) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return ['  command: >-', ...[...lines, line].map((each) => `    ${each}`)];
}
