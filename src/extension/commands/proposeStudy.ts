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
import type { Recipe } from '../../recipe/recipe';
import { probedSeconds } from '../../studies/probes/scheduling';
import type { DesignSubject } from '../../study/file/precision';
import { experimentName } from '../language/experimentFiles';
import { parsedOf, storeRootOf } from '../language/parsing';
import { tell } from '../messages';
import type { Services } from '../services';
import { pickRow, pickRows, plainLabel } from '../shown';
import { tellUnindexed } from './dataCommands';
import { tellProblems } from './documents';
import { experimentTarget, type Target } from './targets';

/**
 * Proposes a study of an experiment: a person chooses among the tricks that fit it and among budgets, with what each
 * takes and how wide its intervals will be. Writes the study file beside the experiment and opens it.
 */
export async function proposeStudy(services: Services, target: Target): Promise<void> {
  const uri = await experimentTarget(services, target);
  if (!uri) return;
  const document = await vscode.workspace.openTextDocument(uri);
  const parsed = parsedOf(document);
  if (!parsed.ok && parsed.unindexed) {
    tellUnindexed(services, uri);
    return;
  }
  if (!parsed.ok) {
    tellProblems(document, parsed.problems);
    return;
  }
  const factors = await pickFactors(proposedFactors(parsed));
  if (!factors || factors.length === 0) return;
  const { subject, noise } = experimentKnowledge(parsed, factors, services.evidence.index);
  const surroundings: BudgetSurroundings = {
    noise: noise.value,
    smallestEffect: USUAL_SMALLEST_EFFECT,
    secondsOfRun: secondsOfRun(services, uri) ?? (await probed(services, uri, parsed.recipe)),
  };
  const runs = await pickBudget(subject, surroundings, noise.isKnown);
  if (runs === undefined) return;
  const text = studyText({
    name: experimentName(uri),
    experiment: basename(uri.path),
    factors,
    budget: { runs },
  });
  await writeStudy(uri, text);
}

/** The tricks to ask about; those that suit one another are checked. */
async function pickFactors(proposed: readonly ProposedFactor[]): Promise<ProposedFactor[] | undefined> {
  if (proposed.length === 0) {
    tell('info', vscode.l10n.t('No trick would change anything in this experiment.'));
    return undefined;
  }
  const rows = proposed.map((factor) => ({
    label: factor.trick.title(),
    description: factor.isIn ? vscode.l10n.t('in the experiment') : factor.trick.brief(),
    detail: evidenceText(factor.trick),
    picked: factor.isSuggested,
    factor,
  }));
  const picked = await pickRows(rows, {
    placeHolder: vscode.l10n.t('Choose the tricks in question'),
    matchOnDescription: true,
  });
  return picked?.map(({ factor }) => factor);
}

/** How long the last finished run of the experiment took. */
function secondsOfRun({ library }: Services, uri: vscode.Uri): number | null {
  for (const { manifest } of library.runsOf(uri.fsPath)) {
    if (manifest.state.status === 'done') return manifest.state.result.seconds;
  }
  return null;
}

/** How long a run takes by a probe of ten steps; null where a person cancels that, or nothing may be trained here. */
async function probed(services: Services, uri: vscode.Uri, recipe: Recipe): Promise<number | null> {
  if (!vscode.workspace.isTrusted || uri.scheme !== 'file') return null;
  const options = {
    location: vscode.ProgressLocation.Notification,
    title: vscode.l10n.t('Timing ten steps, to tell how long a run takes...'),
    cancellable: true,
  };
  return vscode.window.withProgress(options, async (_, token) => {
    const aborting = new AbortController();
    const cancelling = token.onCancellationRequested(() => aborting.abort());
    try {
      const tried = { recipe, experimentFile: uri.fsPath };
      return await probedSeconds(tried, {
        root: storeRootOf(uri),
        start: (folder, changes) => services.runner.startTrial(folder, changes),
        signal: aborting.signal,
      });
    } catch (error) {
      if (!aborting.signal.aborted) services.log.warn('The experiment could not be timed:', error);
      return null;
    } finally {
      cancelling.dispose();
    }
  });
}

/** The number of runs; undefined where none was chosen. */
async function pickBudget(
  subject: DesignSubject,
  surroundings: BudgetSurroundings,
  isNoiseKnown: boolean,
): Promise<number | undefined> {
  const { choices, enough } = await whileWorkingOut(() => budgetChoices(subject, surroundings));
  if (choices.length === 0) {
    tell('warning', vscode.l10n.t('There is no design for so many factors. Choose fewer tricks.'));
    return undefined;
  }
  const rowOf = (choice: BudgetChoice) => ({
    icon: choice.resolves ? 'check' : 'warning',
    label: vscode.l10n.t('{0} runs', choice.runs),
    description: budgetText(choice),
    detail: resolvingText(choice, surroundings, enough),
    runs: choice.runs,
  });
  const other = { label: vscode.l10n.t('Another number of runs...'), runs: null };
  const noise = surroundings.noise.toFixed(2);
  const picked = await pickRow([...choices.map(rowOf), other], {
    placeHolder: isNoiseKnown
      ? vscode.l10n.t('Choose a budget, at the noise of {0} points that your runs have', noise)
      : vscode.l10n.t('Choose a budget, at a noise of {0} points over seeds, which is a guess', noise),
  });
  if (!picked || picked.runs !== null) return picked?.runs;
  const least = choices[0]?.runs ?? 1;
  const written = await vscode.window.showInputBox({
    prompt: vscode.l10n.t('Training runs in all, at least {0}', least),
    value: String(choices.at(-1)?.runs ?? least),
    validateInput: (text) => {
      const choice =
        budgetOf(text, least) === null ? null : budgetChoice(subject, Number(text), surroundings);
      if (!choice) return vscode.l10n.t('Write a whole number of at least {0}.', least);
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

/** Factors that exclude one another may take seconds, which a person is to see. */
function whileWorkingOut<Result>(workOut: () => Result): Thenable<Result> {
  const options = {
    location: vscode.ProgressLocation.Notification,
    title: vscode.l10n.t('Working out budgets...'),
  };
  return vscode.window.withProgress(options, async () => {
    // Let the editor draw the notification first.
    await new Promise((resolve) => setImmediate(resolve));
    return workOut();
  });
}

/** The most runs that a budget is worked out for as it is typed. */
const MOST_RUNS = 5_000;

function budgetOf(text: string, least: number): number | null {
  const runs = Number(text);
  return Number.isInteger(runs) && runs >= least && runs <= MOST_RUNS ? runs : null;
}

/** Creates the study file under a name that is free, in one edit, and opens it. */
async function writeStudy(experiment: vscode.Uri, text: string): Promise<void> {
  const name = studyFileName(basename(experiment.path));
  const folder = vscode.Uri.joinPath(experiment, '..');
  const taken = new Set((await vscode.workspace.fs.readDirectory(folder)).map(([each]) => each));
  let free = name;
  for (let count = 2; taken.has(free); count++) free = name.replace(/\.study\.yaml$/, `-${count}.study.yaml`);
  const uri = vscode.Uri.joinPath(folder, free);
  const edit = new vscode.WorkspaceEdit();
  edit.createFile(uri, { contents: new TextEncoder().encode(text) });
  if (!(await vscode.workspace.applyEdit(edit))) {
    tell('error', vscode.l10n.t('{0} could not be written. Check the folder.', uri.fsPath));
    return;
  }
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri));
}
