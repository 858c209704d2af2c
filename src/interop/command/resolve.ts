import * as l10n from '@vscode/l10n';
import type { ChosenTrick, CommandExperiment } from '../../experiment/command/commandExperiment';
import { filled, placeholdersIn } from '../../experiment/command/placeholders';
import { isBelow } from '../../experiment/command/validate';
import type { Finding } from '../../experiment/remedies/finding';
import { COMMAND_RECIPE_VERSION, type CommandRecipe } from '../../recipe/commandRecipe';
import { counted } from '../../shared/counted';
import { type Known, known, numberAt, textAt } from '../../tricks/elsewhere/mapping';
import { typeAt } from '../../tricks/elsewhere/mmpretrain';
import { ALL_TRICKS } from '../../tricks/registry';
import { quoted } from '../export/commandLine';
import type { ReadText } from '../import/adapter';
import { NO_FILES } from '../import/adapters';
import { patternProblem } from '../output/namedColumns';
import { exclusionsIn, optionOfTrick, withTricks } from './commandTricks';
import type { CommandPlace, KnownSystem, OpenCommand } from './knownCommand';
import { openCommand } from './openCommand';
import { processesOf } from './processes';

export type CommandResolution =
  | { readonly ok: true; readonly recipe: CommandRecipe; readonly warnings: readonly Finding[] }
  | { readonly ok: false; readonly findings: readonly Finding[] };

const COMMAND = ['trainer', 'command'];

/** The place of an experiment file. `readText` reads the files that its command names, such as a config. */
export interface ExperimentPlace {
  readonly fileName?: string;
  readonly readText?: ReadText;
}

/** Returns the recipe of a command experiment: its words with the seed, the values and the options of its tricks. */
export function resolveCommand(
  experiment: CommandExperiment,
  { fileName = '', readText = NO_FILES }: ExperimentPlace = {},
): CommandResolution {
  const { name, seed, system, environment } = experiment;
  const values = { ...experiment.values, seed: String(seed) };
  const fill = (words: readonly string[]) => words.map((word) => filled(word, values));
  const plain = fill(experiment.command);
  const { arguments: given, tricks } = experiment;
  const byHand = tricks.filter((each) => Object.hasOwn(given, each.name));
  const byOptions = tricks.filter((each) => !Object.hasOwn(given, each.name));
  const place: CommandPlace = {
    environment,
    workingDirectory: experiment.workingDirectory,
    fileName,
    readText,
  };
  const known =
    system === 'generic' ? withoutOptions(plain, byOptions) : knownCommand(system, plain, byOptions, place);
  const added = argumentsOf(experiment, byHand);
  const facts = known.command ? factsOf(system, known.command) : NO_FACTS;
  const checkpoint = experiment.checkpoint ?? facts.checkpoint;
  const resume = experiment.resume ?? (checkpoint === null ? null : facts.resume);
  const findings = [
    ...known.findings,
    ...added.findings,
    ...exclusionsIn(tricks),
    ...patternFindings(experiment),
    ...(resume !== null && checkpoint === null ? [noCheckpoint()] : []),
    ...epochsFindings(experiment.epochs, facts.epochs),
  ];
  if (findings.length > 0) return { ok: false, findings };
  const own = Object.fromEntries(
    Object.entries(environment).map(([key, text]) => [key, filled(text, values)]),
  );
  const on = new Set([
    ...tricks.flatMap((each) => (each.options ? [each.name] : [])),
    ...ALL_TRICKS.flatMap((trick) =>
      known.command && optionOfTrick(known.command, trick.name) !== null ? [trick.name] : [],
    ),
  ]);
  const command = [...known.words, ...added.words.map((word) => filled(word, values))];
  const processes = processesOf(command, own);
  return {
    ok: true,
    warnings: [...known.warnings, ...seedWarnings(experiment), ...bufferingWarnings(experiment)],
    recipe: {
      kind: 'command',
      version: COMMAND_RECIPE_VERSION,
      name,
      tricks: ALL_TRICKS.flatMap((trick) => (on.has(trick.name) ? [trick.name] : [])),
      seed,
      system,
      command,
      workingDirectory: experiment.workingDirectory,
      environment: {
        ...own,
        ...(experiment.seedVariable !== null && { [experiment.seedVariable]: String(seed) }),
      },
      metrics: experiment.metrics,
      checkpoint,
      resume: resume && fill(resume),
      epochs: facts.epochs ?? experiment.epochs,
      model: facts.model,
      dataset: facts.dataset,
      ...(processes !== undefined && { processes }),
    },
  };
}

/** A command with the options of its tricks. `command` is null if its options are not known. */
interface WrittenCommand {
  readonly words: readonly string[];
  readonly command: OpenCommand | null;
  readonly findings: readonly Finding[];
  readonly warnings: readonly Finding[];
}

/** A generic command has no options of tricks besides those that the file gives. */
function withoutOptions(words: readonly string[], tricks: readonly ChosenTrick[]): WrittenCommand {
  return {
    words,
    command: null,
    warnings: [],
    findings: tricks.map(
      ({ name }): Finding => ({
        path: ['tricks', name],
        part: 'key',
        what: l10n.t('The arguments for {0} are not in the file.', name),
        remedy: l10n.t(
          'Write them under trainer: {0}.',
          `arguments: { ${name}: { with: --${name.replaceAll('_', '-')}, without: "" } }`,
        ),
      }),
    ),
  };
}

function knownCommand(
  system: KnownSystem,
  words: readonly string[],
  tricks: readonly ChosenTrick[],
  place: CommandPlace,
): WrittenCommand {
  const opened = openCommand(system, words, place);
  if ('rejected' in opened) {
    const finding: Finding = { path: COMMAND, part: 'value', what: opened.rejected, remedy: opened.remedy };
    // Without tricks the command runs as it is.
    return tricks.length > 0
      ? { words, command: null, findings: [finding], warnings: [] }
      : { words, command: null, findings: [], warnings: [finding] };
  }
  const applied = withTricks(system, opened, words, tricks, place);
  const after = applied.findings.length > 0 ? opened : openCommand(system, applied.words, place);
  return { ...applied, command: 'rejected' in after ? opened : after, warnings: [] };
}

/** Returns the arguments that the file gives for its tricks and switches, in the order of the file. */
function argumentsOf(
  { arguments: given, switches }: CommandExperiment,
  tricks: readonly ChosenTrick[],
): { readonly words: readonly string[]; readonly findings: readonly Finding[] } {
  const findings: Finding[] = [];
  const words = Object.entries(given).flatMap(([name, { with: on, without: off }]) => {
    const trick = tricks.find((each) => each.name === name);
    if (!(trick ? trick.options : switches[name])) return off;
    const used = new Set(on.flatMap(placeholdersIn));
    for (const option of trick?.given ?? []) {
      if (used.has(option)) continue;
      findings.push({
        path: ['tricks', name, option],
        part: 'value',
        what: l10n.t('The arguments of {0} do not use {1}.', name, option),
        remedy: l10n.t('Write {0} in {1}.', `\${${option}}`, `trainer.arguments.${name}.with`),
      });
    }
    const options = Object.entries(trick?.options ?? {}).map(([option, value]) => [option, String(value)]);
    return on.map((word) => filled(word, Object.fromEntries(options)));
  });
  return { words, findings };
}

/** A pattern may be valid in JavaScript and still not be one that runs in linear time. */
function patternFindings({ metrics }: CommandExperiment): Finding[] {
  const problem = metrics.kind === 'stdout' ? patternProblem(metrics.pattern) : null;
  return problem ? [{ path: ['trainer', 'metrics', 'stdout'], part: 'value', ...problem }] : [];
}

function noCheckpoint(): Finding {
  return {
    path: ['trainer', 'resume'],
    part: 'key',
    what: l10n.t('There is no checkpoint to resume from.'),
    remedy: l10n.t(
      "Add checkpoint, relative to the run's folder, such as {0}.",
      'checkpoint: out/last.pth.tar',
    ),
  };
}

/** The options of a command win, so a number of epochs that contradicts them is a mistake. */
function epochsFindings(written: number | null, trained: number | null): Finding[] {
  if (written === null || trained === null || written === trained) return [];
  return [
    {
      path: ['trainer', 'epochs'],
      part: 'value',
      what: l10n.t('The command trains {0}, not {1}.', counted(trained, 'epoch'), written),
      remedy: l10n.t('Remove it. The command determines the number.'),
    },
  ];
}

/** Options by which a system gets its seed. */
const SEED_OPTIONS: Readonly<Partial<Record<CommandExperiment['system'], string>>> = {
  timm: `--seed \${seed}`,
  mmpretrain: `--cfg-options randomness.seed=\${seed}`,
};

/** Whether the seed gets to the command: by a placeholder or an environment variable. */
export function passesSeed(experiment: CommandExperiment): boolean {
  const words = [
    ...experiment.command,
    ...Object.values(experiment.environment),
    ...Object.values(experiment.arguments).flatMap((each) => [...each.with, ...each.without]),
  ];
  return experiment.seedVariable !== null || words.flatMap(placeholdersIn).includes('seed');
}

/** Returns how to pass the seed to a command. */
export function seedRemedy({ system }: Pick<CommandExperiment, 'system'>): string {
  const option = SEED_OPTIONS[system];
  return option === undefined
    ? l10n.t('Use {0} in the command, or write seed_variable under trainer.', `\${seed}`)
    : l10n.t('Add {0} to the command.', option);
}

/** Without a seed, runs of a study that differ only in it are all alike, or all random. */
function seedWarnings(experiment: CommandExperiment): Finding[] {
  if (passesSeed(experiment)) return [];
  const what = l10n.t('The command does not get the seed.');
  return [{ path: COMMAND, part: 'value', what, remedy: seedRemedy(experiment) }];
}

/** `conda run` keeps the output of its command until that ends, unless it is told not to. */
function bufferingWarnings({ command }: CommandExperiment): Finding[] {
  const [program = '', subcommand, ...args] = command;
  const isConda = /^(?:.*[\\/])?conda(?:\.exe|\.bat)?$/i.test(program);
  const showing = ['--no-capture-output', '--live-stream'];
  if (!isConda || subcommand !== 'run' || args.some((word) => showing.includes(word))) return [];
  const fixed = commandText([program, subcommand, '--no-capture-output', ...args]);
  return [
    {
      path: COMMAND,
      part: 'value',
      what: l10n.t(
        '{0} shows the output only when the command ends, so the run has no metrics until then.',
        'conda run',
      ),
      remedy: l10n.t('Add {0} after {1}.', '--no-capture-output', 'conda run'),
      ...(fixed !== null && { fix: { type: 'set', path: COMMAND, value: fixed, isMeant: true } }),
    },
  ];
}

/** Words that need no quotes, with placeholders in them. */
const PLAIN_WORD = /^(?:[\w@%+=:,./-]|\$\{[\w.]+\})+$/;

/** Returns words as the text of a command. Null if one has a control character, which such a text cannot have. */
function commandText(words: readonly string[]): string | null {
  if (words.some((word) => /\p{Cc}/u.test(word))) return null;
  return words.map((word) => (PLAIN_WORD.test(word) ? word : quoted(word))).join(' ');
}

/** What a command says about its training, null for what it does not determine. */
interface Facts {
  readonly epochs: number | null;
  readonly model: string | null;
  readonly dataset: string | null;
  readonly checkpoint: string | null;
  readonly resume: readonly string[] | null;
}

const NO_FACTS: Facts = { epochs: null, model: null, dataset: null, checkpoint: null, resume: null };

function factsOf(system: CommandExperiment['system'], command: OpenCommand): Facts {
  const { settings } = command;
  const text = (setting: string) => certain(known(() => textAt(settings, setting) || undefined));
  const epochs = certain(command.experiment().epochs);
  const resume = command.optionAt('resume') ? null : ['--resume', `\${checkpoint}`];
  switch (system) {
    case 'timm': {
      const folder = folderInRun(text('output'));
      const experiment = text('experiment');
      return {
        epochs,
        model: certain(known(() => textAt(settings, 'model') ?? 'resnet50')),
        dataset: text('dataset') ?? text('data_dir') ?? text('data'),
        checkpoint:
          folder === null || experiment === null ? null : checkpointIn(`${folder}${experiment}/last.pth.tar`),
        resume,
      };
    }
    case 'torchvision': {
      const folder = folderInRun(text('output-dir'));
      return {
        epochs,
        model: certain(known(() => textAt(settings, 'model') ?? 'resnet18')),
        dataset: text('data-path'),
        checkpoint: folder === null ? null : checkpointIn(`${folder}checkpoint.pth`),
        resume,
      };
    }
    case 'mmpretrain': {
      const type = certain(known(() => typeAt(settings, 'model.backbone.type')));
      const depth = certain(known(() => numberAt(settings, 'model.backbone.depth')));
      const given = command.optionAt('work-dir')?.value;
      const folder = folderInRun(typeof given === 'string' ? given : null);
      return {
        epochs,
        model: type === null || depth === null ? type : `${type}-${depth}`,
        dataset:
          text('train_dataloader.dataset.data_root') ??
          certain(known(() => typeAt(settings, 'train_dataloader.dataset.type'))),
        // A text file with the path of the last checkpoint, which `--resume` looks up in the work folder itself.
        checkpoint: folder === null ? null : checkpointIn(`${folder}last_checkpoint`),
        resume: command.optionAt('resume') ? null : ['--resume'],
      };
    }
    case 'generic':
      return NO_FACTS;
  }
}

function certain<Value>(part: Known<Value | undefined>): Value | null {
  return part.known ? (part.value ?? null) : null;
}

/** Returns a folder's path below the run's folder, with a slash at the end; null if it is not there. */
function folderInRun(path: string | null): string | null {
  const below = /^\$\{run\.folder\}(?:\/+([^$]*?))?\/*$/.exec(path ?? '');
  if (!below) return null;
  return below[1] ? `${below[1]}/` : '';
}

/** Returns a checkpoint's path if it stays below the run's folder. */
function checkpointIn(path: string): string | null {
  return isBelow(path) && !path.includes(`\${`) ? path : null;
}
