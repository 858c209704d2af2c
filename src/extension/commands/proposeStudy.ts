import { basename } from 'node:path/posix';
import * as vscode from 'vscode';
import {
  type BudgetChoice,
  type BudgetSurroundings,
  budgetChoice,
  budgetChoices,
  budgetText,
  resolvingText,
} from '../../insight/study/budgets';
import {
  type ProposedFactor,
  proposedFactors,
  studyFileName,
  studyText,
  USUAL_SMALLEST_EFFECT,
} from '../../insight/study/proposal';
import { experimentKnowledge } from '../../insight/study/proposedSettings';
import { evidenceText } from '../../insight/trickText';
import { parseAnyExperiment } from '../../interop/command/parse';
import type { Recipe } from '../../recipe/recipe';
import { counted } from '../../shared/counted';
import { formatFixed } from '../../shared/format';
import { probedSeconds } from '../../studies/probes/scheduling';
import type { DesignSubject } from '../../study/file/precision';
import { type Baseline, isCommandBaseline } from '../../study/file/study';
import { basesOf } from '../language/baseFiles';
import { experimentName, isExperiment } from '../language/experimentFiles';
import { foreignOf, storeRootOf, trainingOf } from '../language/parsing';
import { tell, whileBusy, whileShown } from '../messages';
import type { Services } from '../services';
import { pickRow, pickRows, plainLabel } from '../shown';
import { tellUnindexed } from './dataCommands';
import { placeBeside, savedDocument, tellProblems, writeBeside, writePlaced } from './documents';
import { experimentBeside } from './runHere';
import { experimentTarget, type Target } from './targets';

/**
 * Proposes a study of an experiment, or of the command of another system's file. The user chooses among fitting tricks
 * and among budgets, with the time and the expected interval width of each. Writes the study file next to the
 * experiment and opens it.
 */
export async function proposeStudy(services: Services, target: Target): Promise<void> {
  const active = vscode.window.activeTextEditor?.document;
  const isForeign = !target && active && !isExperiment(active.uri) && foreignOf(active) !== null;
  const uri = isForeign ? active.uri : await experimentTarget(services, target);
  if (!uri) return;
  const document = await vscode.workspace.openTextDocument(uri);
  if (!isExperiment(uri)) {
    await proposeForeign(services, uri);
    return;
  }
  const parsed = trainingOf(document);
  if (!parsed.ok && 'unindexed' in parsed && parsed.unindexed) {
    tellUnindexed(services, uri);
    return;
  }
  if (!parsed.ok) {
    tellProblems(document, parsed.problems);
    return;
  }
  const proposed = await chosenStudy(services, uri, parsed);
  if (proposed) await writeStudy(uri, studyTextOf(uri, proposed));
}

/** What the user chose for a study. */
interface ChosenStudy {
  readonly factors: readonly ProposedFactor[];
  readonly runs: number;
  /** A command is repeated with seeds only, because its data are not split into folds. */
  readonly blocks: 'auto' | 'seeds';
}

/** Lets the user choose the tricks and the budget of a study. `uri` is the experiment file, which may not exist yet. */
async function chosenStudy(
  services: Services,
  uri: vscode.Uri,
  baseline: Baseline,
): Promise<ChosenStudy | undefined> {
  const factors = await pickFactors(proposedFactors(baseline));
  if (!factors) return undefined;
  if (factors.length === 0) {
    tell('info', vscode.l10n.t('No trick was chosen, so there is no study to propose.'));
    return undefined;
  }
  const { subject, noise } = experimentKnowledge(baseline, factors, services.evidence.index);
  const isCommand = isCommandBaseline(baseline);
  const surroundings: BudgetSurroundings = {
    noise: noise.value,
    smallestEffect: USUAL_SMALLEST_EFFECT,
    // A command has no probe.
    secondsOfRun:
      secondsOfRun(services, uri) ?? (isCommand ? null : await probed(services, uri, baseline.recipe)),
  };
  const runs = await pickBudget(subject, surroundings, noise.isKnown);
  return runs === undefined ? undefined : { factors, runs, blocks: isCommand ? 'seeds' : 'auto' };
}

function studyTextOf(experiment: vscode.Uri, { factors, runs, blocks }: ChosenStudy): string {
  const name = experimentName(experiment);
  return studyText({ name, experiment: basename(experiment.path), factors, budget: { runs }, blocks });
}

/**
 * Proposes a study of the command of another system's file. Writes its experiment and the study beside it, in one edit,
 * once the user has chosen.
 */
async function proposeForeign(services: Services, uri: vscode.Uri): Promise<void> {
  const document = await savedDocument(uri);
  if (!document) return;
  if (!foreignOf(document)) {
    tell('info', vscode.l10n.t('{0} is no file of timm, torchvision or MMPretrain.', document.fileName));
    return;
  }
  const written = await experimentBeside(document, { isForStudy: true });
  if (!written) return;
  const { file, isFolderOpen, isSeedOpen } = written;
  const parsed = parseAnyExperiment(file.text, file.uri.fsPath, [], { readText: basesOf(document) });
  // A written experiment was read already.
  if (!parsed.ok) return;
  const proposed = await chosenStudy(services, file.uri, parsed);
  if (!proposed) return;
  const name = experimentName(file.uri);
  const study = await placeBeside(uri, name, '.study.yaml', studyTextOf(file.uri, proposed));
  if (!(await writePlaced([file, study]))) return;
  await services.files.refresh();
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(study.uri));
  tell('info', vscode.l10n.t('Wrote {0} and {1}.', basename(file.uri.path), basename(study.uri.path)));
  if (isFolderOpen) {
    tell(
      'warning',
      vscode.l10n.t(
        'Set the folder of the training script in {0}, then run the study.',
        basename(file.uri.path),
      ),
    );
  }
  if (isSeedOpen) {
    tell(
      'warning',
      vscode.l10n.t(
        'The training script has no option for the seed, so its runs differ at random. {0} says how to pass it.',
        basename(file.uri.path),
      ),
    );
  }
}

/** Asks for the tricks to study. Compatible tricks are preselected. */
async function pickFactors(proposed: readonly ProposedFactor[]): Promise<ProposedFactor[] | undefined> {
  if (proposed.length === 0) {
    tell('info', vscode.l10n.t('No trick would change anything in this experiment.'));
    return undefined;
  }
  const rows = proposed.map((factor) => ({
    label: factor.trick.title(),
    description: factor.isIn
      ? vscode.l10n.t('in the experiment')
      : factor.isByDefault
        ? vscode.l10n.t('in the command')
        : factor.trick.brief(),
    detail: evidenceText(factor.trick),
    picked: factor.isSuggested,
    factor,
  }));
  const picked = await pickRows(rows, {
    placeHolder: vscode.l10n.t('Choose the tricks to study'),
    matchOnDescription: true,
  });
  return picked?.map(({ factor }) => factor);
}

/** Duration of the last finished run of the experiment. */
function secondsOfRun({ library }: Services, uri: vscode.Uri): number | null {
  for (const { manifest } of library.runsOf(uri.fsPath)) {
    if (manifest.state.status === 'done') return manifest.state.result.seconds;
  }
  return null;
}

/** Times a run with a probe of ten steps. Returns null if the user cancels or training is not possible here. */
async function probed(services: Services, uri: vscode.Uri, recipe: Recipe): Promise<number | null> {
  if (!vscode.workspace.isTrusted || uri.scheme !== 'file') return null;
  const tried = { recipe, experimentFile: uri.fsPath };
  const start = services.runner.startTrial.bind(services.runner);
  try {
    return await whileShown(vscode.l10n.t('Timing ten steps to estimate how long a run takes...'), (signal) =>
      probedSeconds(tried, { root: storeRootOf(uri), start, signal }),
    );
  } catch (error) {
    services.log.warn('The experiment could not be timed:', error);
    return null;
  }
}

/** Asks for the number of runs. Returns undefined if the user chooses none. */
async function pickBudget(
  subject: DesignSubject,
  surroundings: BudgetSurroundings,
  isNoiseKnown: boolean,
): Promise<number | undefined> {
  const { choices, enough } = await whileBusy(vscode.l10n.t('Working out budgets...'), () =>
    budgetChoices(subject, surroundings),
  );
  if (choices.length === 0) {
    tell('warning', vscode.l10n.t('There is no design for so many factors. Choose fewer tricks.'));
    return undefined;
  }
  const rowOf = (choice: BudgetChoice) => ({
    icon: choice.resolves ? 'check' : 'warning',
    label: counted(choice.runs, 'run'),
    description: budgetText(choice),
    detail: resolvingText(choice, surroundings, enough),
    runs: choice.runs,
  });
  const other = { label: vscode.l10n.t('Another number of runs...'), runs: null };
  const noise = formatFixed(surroundings.noise, 2);
  const picked = await pickRow([...choices.map(rowOf), other], {
    // The pick comes after a timing run, so a click elsewhere must not dismiss it.
    ignoreFocusOut: true,
    placeHolder: isNoiseKnown
      ? vscode.l10n.t('Choose a budget (noise of your runs across seeds: {0} points)', noise)
      : vscode.l10n.t('Choose a budget (guessed noise across seeds: {0} points)', noise),
  });
  if (!picked || picked.runs !== null) return picked?.runs;
  const least = choices[0]?.runs ?? 1;
  const written = await vscode.window.showInputBox({
    ignoreFocusOut: true,
    prompt: vscode.l10n.t('Total number of training runs, at least {0}', least),
    value: String(choices.at(-1)?.runs ?? least),
    validateInput: (text) => {
      const choice =
        budgetOf(text, least) === null ? null : budgetChoice(subject, Number(text), surroundings);
      if (!choice) return vscode.l10n.t('Enter a whole number of at least {0}.', least);
      return {
        message: plainLabel(`${budgetText(choice)} · ${resolvingText(choice, surroundings, enough)}`),
        severity: choice.resolves
          ? vscode.InputBoxValidationSeverity.Info
          : vscode.InputBoxValidationSeverity.Warning,
      };
    },
  });
  return written === undefined ? undefined : (budgetOf(written, least) ?? undefined);
}

/** The largest budget that is evaluated while the user types. */
const MOST_RUNS = 5_000;

function budgetOf(text: string, least: number): number | null {
  const runs = Number(text);
  return Number.isInteger(runs) && runs >= least && runs <= MOST_RUNS ? runs : null;
}

/** Creates the study file under a free name, and opens it. */
async function writeStudy(experiment: vscode.Uri, text: string): Promise<void> {
  const name = studyFileName(basename(experiment.path)).replace(/\.study\.yaml$/, '');
  const uri = await writeBeside(experiment, name, '.study.yaml', text);
  if (uri) await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri));
}
