import * as l10n from '@vscode/l10n';
import type { CommandExperiment } from '../../experiment/command/commandExperiment';
import { setCommandWords, writtenWords } from '../../experiment/command/edits';
import { filled } from '../../experiment/command/placeholders';
import { readCommand } from '../../experiment/command/read';
import type { ExperimentDocument } from '../../experiment/text/document';
import { openCommand } from '../../interop/command/openCommand';
import type { CommandParseResult } from '../../interop/command/parse';
import { type ExperimentPlace, resolveCommand } from '../../interop/command/resolve';
import { NO_FILES } from '../../interop/import/adapters';
import { anyRecipeKey } from '../../recipe/anyRecipe';
import { valueAt } from '../../shared/values';
import { problemFixes, type QuickFix, type RunReference } from '../quickFixes';

const SEED = `\${seed}`;

/** Returns the fixes for the problems of a command experiment. */
export function commandFixes(
  parsed: CommandParseResult,
  place: ExperimentPlace,
  runs: readonly RunReference[] = [],
): QuickFix[] {
  const { document } = parsed;
  const problems = parsed.ok ? parsed.warnings : parsed.problems;
  const reading = readCommand(document);
  return [
    ...problems.flatMap((problem) => problemFixes({ document }, problem, runs)),
    ...(reading.ok
      ? [...typoFixes(document, reading.experiment, place), ...seedFixes(document, reading.experiment, place)]
      : []),
  ];
}

/** Returns the fix for a misspelled option of the command. */
function typoFixes(
  document: ExperimentDocument,
  experiment: CommandExperiment,
  place: ExperimentPlace,
): QuickFix[] {
  const { system, command, environment, workingDirectory, values, seed } = experiment;
  const words = writtenWords(document);
  if (system === 'generic' || !words) return [];
  const given = command.map((word) => filled(word, { ...values, seed: String(seed) }));
  const opened = openCommand(system, given, {
    ...{ environment, workingDirectory, fileName: place.fileName ?? '' },
    readText: place.readText ?? NO_FILES,
  });
  if (!('rejected' in opened) || !opened.typo) return [];
  const { written, meant } = opened.typo;
  const at = words.findIndex((word) => word === written || word.startsWith(`${written}=`));
  if (at < 0) return [];
  const fixed = words.with(at, meant + words[at]!.slice(written.length));
  return [
    {
      title: l10n.t('Write {0}', meant),
      range: document.rangeOf(['trainer', 'command']),
      isPreferred: true,
      edits: () => setCommandWords(document, fixed),
    },
  ];
}

/** Returns the fix for a command that trains the same with every seed. */
function seedFixes(
  document: ExperimentDocument,
  experiment: CommandExperiment,
  place: ExperimentPlace,
): QuickFix[] {
  const one = resolveCommand(experiment, place);
  const other = resolveCommand({ ...experiment, seed: experiment.seed === 0 ? 1 : 0 }, place);
  const words = writtenWords(document);
  if (!one.ok || !other.ok || !words || anyRecipeKey(one.recipe) !== anyRecipeKey(other.recipe)) return [];
  const range = document.rangeOf(['trainer', 'command']);
  switch (experiment.system) {
    case 'timm':
      return [seedFix(document, range, `--seed ${SEED}`, withOption(words, '--seed'))];
    case 'mmpretrain':
      return [seedFix(document, range, `--cfg-options randomness.seed=${SEED}`, withConfigOption(words))];
    case 'torchvision':
      return [
        {
          title: l10n.t('Write {0}', 'seed_variable: SEED'),
          range,
          // The training script must read it.
          isPreferred: false,
          edits: () => document.setIn(['trainer', 'seed_variable'], 'SEED'),
        },
      ];
    case 'generic':
      return [];
  }
}

/** The words of a command with a placeholder for the seed, and the seed that they had. */
interface SeededWords {
  readonly words: readonly string[];
  readonly seed: number | null;
}

function seedFix(
  document: ExperimentDocument,
  range: QuickFix['range'],
  option: string,
  { words, seed }: SeededWords,
): QuickFix {
  const isOpen = seed !== null && valueAt(document.value, ['seed']) === undefined;
  return {
    title: l10n.t('Write {0}', option),
    range,
    isPreferred: true,
    edits: () =>
      document.inSequence([
        (before) => setCommandWords(before, words),
        ...(isOpen ? [(before: ExperimentDocument) => before.setIn(['seed'], seed)] : []),
      ]),
  };
}

function withOption(words: readonly string[], option: string): SeededWords {
  const at = words.findLastIndex((word) => word === option || word.startsWith(`${option}=`));
  if (at < 0) return { words: [...words, option, SEED], seed: null };
  const isJoined = words[at] !== option;
  const value = isJoined ? words[at]!.slice(option.length + 1) : words[at + 1];
  const next = isJoined ? words.with(at, `${option}=${SEED}`) : words.with(at + 1, SEED);
  return { words: next, seed: seedOf(value) };
}

function withConfigOption(words: readonly string[]): SeededWords {
  const key = 'randomness.seed=';
  const given = words.findLastIndex((word) => word.startsWith(key));
  if (given >= 0) {
    return { words: words.with(given, key + SEED), seed: seedOf(words[given]?.slice(key.length)) };
  }
  // A second --cfg-options would replace the first.
  const at = words.lastIndexOf('--cfg-options');
  return at < 0
    ? { words: [...words, '--cfg-options', key + SEED], seed: null }
    : { words: words.toSpliced(at + 1, 0, key + SEED), seed: null };
}

function seedOf(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : null;
}
