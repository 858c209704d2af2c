import * as vscode from 'vscode';
import { lacksIndex } from '../../experiment/parse';
import { measurementsOf } from '../../insight/measuredHere';
import { adviceFix } from '../../insight/quickFixes';
import { slowFormatOf } from '../../insight/slowFormats';
import type { TrickFit } from '../../insight/trickFit';
import {
  configureTitle,
  evidenceText,
  factsOf,
  inTitle,
  optionsText,
  titleInSentence,
  trickIcon,
} from '../../insight/trickText';
import { ALL_TRICKS, type TrickName } from '../../tricks/registry';
import type { Trick } from '../../tricks/trick';
import { applyResult } from '../language/edits';
import { isExperiment } from '../language/experimentFiles';
import { commandExperimentOf, commandFitsOf, fitsOf, parsedOf, storeRootOf } from '../language/parsing';
import { tell } from '../messages';
import { finishedRuns } from '../runs/finishedRuns';
import type { Services } from '../services';
import { type PickRow, pickRow, shownRow } from '../shown';
import { configureTrick } from './configureTrick';
import { tellUnindexed } from './dataCommands';
import { experimentTarget, trickTarget } from './targets';

type Options = Readonly<Record<string, unknown>>;

/**
 * Inserts a trick into an experiment file or removes it, as a single edit and undo step. If that is impossible, says
 * why and changes nothing.
 */
export async function setTrick(
  services: Services,
  uri: vscode.Uri,
  name: TrickName,
  wanted: boolean,
): Promise<void> {
  const fit = await fitOf(uri, name);
  // The CodeLens may be older than the text.
  if (!fit || fit.isIn === wanted) return;
  if (!wanted) return toggle(uri, name, {});
  const options = await chosenRuns(services, uri, fit.trick);
  if (options) await toggle(uri, name, options);
}

/** Tricks to choose from, and tricks to configure. */
interface Choices {
  readonly tricks: readonly TrickName[];
  readonly configurable: readonly TrickName[];
}

/** Offers tricks to insert, remove or configure, with their effect and evidence. Offers the named tricks, or all. */
export async function pickTrick(
  services: Services,
  target: vscode.Uri | undefined,
  only?: Choices,
): Promise<void> {
  const uri = await trickTarget(services, target);
  if (!uri) return;
  const title = vscode.l10n.t('Choose a trick to insert or remove');
  const picked = await pickFit(services, uri, title, only);
  if (!picked) return;
  const { fit, isToBeConfigured } = picked;
  if (isToBeConfigured) await configureTrick(services, uri, fit.trick.name);
  else await setTrick(services, uri, fit.trick.name, !fit.isIn);
}

/** Shows what a trick changes, or would change, as a diff of two recipes. */
export async function compareTrick(
  services: Services,
  target: vscode.Uri | string | undefined,
  name?: TrickName,
): Promise<void> {
  const uri = typeof target === 'string' ? vscode.Uri.parse(target) : await trickTarget(services, target);
  if (!uri) return;
  const fit = name
    ? await fitOf(uri, name)
    : (await pickFit(services, uri, vscode.l10n.t('Choose a trick to see what it changes')))?.fit;
  if (!fit) return;
  const title = fit.trick.title();
  const command = commandFitsOf(await vscode.workspace.openTextDocument(uri));
  const recipes = command ? command.recipes(fit.trick.name) : fit.recipes();
  if (!recipes && (await isUnindexed(uri))) {
    tellUnindexed(services, uri);
    return;
  }
  if (!recipes) {
    tell('warning', vscode.l10n.t('{0} has no recipe to compare. Fix the errors in this file first.', title));
    return;
  }
  const file = vscode.workspace.asRelativePath(uri);
  await services.recipes.compare(
    recipes.without,
    recipes.with,
    `${uri}#${fit.trick.name}`,
    vscode.l10n.t('{0}: without and with {1}', file, titleInSentence(title)),
  );
}

/** Applies all insert and set advice for a file as one edit. */
export async function applyAdvice(services: Services, target: vscode.Uri | undefined): Promise<void> {
  const uri = await experimentTarget(services, target);
  if (!uri) return;
  const document = await vscode.workspace.openTextDocument(uri);
  if (commandExperimentOf(document)) {
    tell('info', vscode.l10n.t('There is no advice for an experiment that a command trains.'));
    return;
  }
  const parsed = parsedOf(document);
  if (lacksIndex(parsed)) {
    tellUnindexed(services, uri);
    return;
  }
  const fix = adviceFix(parsed);
  if (!fix) {
    tell(
      parsed.ok ? 'info' : 'warning',
      parsed.ok
        ? vscode.l10n.t('There is no advice for this experiment.')
        : vscode.l10n.t('Advice needs a file that can run. Fix the errors in this file first.'),
    );
    return;
  }
  const outcome = await applyResult(document, fix.edits());
  if (!outcome.ok) tell('warning', vscode.l10n.t('The advice was not applied. {0}', outcome.reason));
}

/** Whether the only thing a file lacks is an index of its images. */
async function isUnindexed(uri: vscode.Uri): Promise<boolean> {
  if (!isExperiment(uri)) return false;
  const parsed = parsedOf(await vscode.workspace.openTextDocument(uri));
  return lacksIndex(parsed);
}

/** Checks how a trick fits a file. Returns undefined with a message if the file cannot have it. */
async function fitOf(uri: vscode.Uri, name: TrickName): Promise<TrickFit | undefined> {
  const document = await vscode.workspace.openTextDocument(uri);
  const fit = fitsOf(document).find(({ trick }) => trick.name === name);
  if (fit) return fit;
  const refusal = commandFitsOf(document)?.refusals.get(name);
  if (refusal !== undefined) {
    tell('warning', vscode.l10n.t('{0} does not apply here. {1}', titleOf(name), refusal));
    return undefined;
  }
  const isSound = !isExperiment(uri) || parsedOf(document).ok || (await isUnindexed(uri));
  const why = isSound
    ? vscode.l10n.t('It changes nothing here, or another trick in the file excludes it.')
    : vscode.l10n.t('Fix the errors in this file first.');
  tell('warning', vscode.l10n.t('{0} does not apply here. {1}', titleOf(name), why));
  return undefined;
}

function titleOf(name: TrickName): string {
  return ALL_TRICKS.find((trick) => trick.name === name)?.title() ?? name;
}

interface TrickItem extends PickRow {
  readonly fit: TrickFit;
  readonly isToBeConfigured: boolean;
}

/** Lets the user choose among a file's tricks. A button on each shows what it changes. */
async function pickFit(
  services: Services,
  uri: vscode.Uri,
  placeholder: string,
  only?: Choices,
): Promise<TrickItem | undefined> {
  const document = await vscode.workspace.openTextDocument(uri);
  const all = fitsOf(document);
  const fits = all.filter(({ trick }) => only?.tricks.includes(trick.name) ?? true);
  const configurable = all.filter(({ trick }) => only?.configurable.includes(trick.name) ?? false);
  if (fits.length + configurable.length === 0) {
    tell('info', vscode.l10n.t('No trick can be inserted. Fix the errors in this file first.'));
    return undefined;
  }
  const compare: vscode.QuickInputButton = {
    iconPath: new vscode.ThemeIcon('diff'),
    tooltip: vscode.l10n.t('Show what it changes'),
  };
  const pick = vscode.window.createQuickPick<TrickItem>();
  pick.placeholder = placeholder;
  pick.matchOnDescription = true;
  pick.matchOnDetail = true;
  pick.items = [
    ...configurable.map(configureItem),
    ...fits.map((fit) => ({ ...pickItem(fit, services), buttons: [compare] })),
  ].map(shownRow);
  try {
    return await new Promise<TrickItem | undefined>((resolve) => {
      pick.onDidAccept(() => resolve(pick.selectedItems[0]));
      pick.onDidHide(() => resolve(undefined));
      pick.onDidTriggerItemButton(({ item }) => {
        void compareTrick(services, uri, item.fit.trick.name);
        resolve(undefined);
      });
      pick.show();
    });
  } finally {
    pick.dispose();
  }
}

function pickItem(fit: TrickFit, { evidence, slowFormats }: Services): TrickItem {
  const { trick } = fit;
  const measured = measurementsOf(fit, evidence.index, evidence.studies);
  const slow = slowFormatOf(fit, slowFormats.all);
  return {
    icon: trickIcon(fit),
    label: trick.title(),
    description: [...factsOf(fit), slow?.fact, inTitle(fit.obstacle())].filter(Boolean).join(' · '),
    detail: `${evidenceText(trick)} · ${vscode.l10n.t('here: {0}', measured.text)}`,
    fit,
    isToBeConfigured: false,
  };
}

function configureItem(fit: TrickFit): TrickItem {
  return {
    icon: 'gear',
    label: configureTitle(fit),
    detail: optionsText(fit),
    fit,
    isToBeConfigured: true,
  };
}

/**
 * Lets the user choose a run for each option of a trick that names one. Returns undefined if the user cancels. If there
 * are no runs yet, inserts the trick only on request.
 */
async function chosenRuns(
  { library, labels }: Services,
  uri: vscode.Uri,
  { name, title, runOptions = [] }: Trick<TrickName>,
): Promise<Options | undefined> {
  if (runOptions.length === 0) return {};
  const runs = finishedRuns(library, labels, storeRootOf(uri));
  if (runs.length === 0) {
    tell(
      'info',
      vscode.l10n.t('{0} needs a finished run, but there is none yet. Run an experiment first.', title()),
      { title: vscode.l10n.t('Insert anyway'), run: () => toggle(uri, name, {}) },
    );
    return undefined;
  }
  const options: Record<string, unknown> = {};
  for (const option of runOptions) {
    const picked = await pickRow(
      runs.map(({ id, description }) => ({ label: id, description })),
      { placeHolder: vscode.l10n.t('Choose the run for {0}', `${name}.${option}`) },
    );
    if (!picked) return undefined;
    options[option] = picked.label;
  }
  return options;
}

async function toggle(uri: vscode.Uri, name: TrickName, options: Options): Promise<void> {
  const document = await vscode.workspace.openTextDocument(uri);
  const fit = await fitOf(uri, name);
  if (!fit) return;
  const outcome = await applyResult(document, fit.toggle(options));
  if (outcome.ok) return;
  const title = fit.trick.title();
  tell(
    'warning',
    fit.isIn
      ? vscode.l10n.t('{0} was not removed. {1}', title, outcome.reason)
      : vscode.l10n.t('{0} was not inserted. {1}', title, outcome.reason),
  );
}
