import * as vscode from 'vscode';
import type { TrickFit } from '../../insight/trickFit';
import { optionText, shownValue, type TrickOption, typedValue } from '../../insight/trickOptions';
import { configureTitle, optionsText } from '../../insight/trickText';
import type { TrickName } from '../../tricks/registry';
import { applyResult } from '../language/edits';
import { fitsOf, storeRootOf } from '../language/parsing';
import { tell } from '../messages';
import { finishedRuns } from '../runs/finishedRuns';
import type { Services } from '../services';
import { type PickRow, shownRow } from '../shown';
import { trickTarget } from './targets';

/** A row of a quick pick and its meaning. */
interface Row<Meaning> extends PickRow {
  readonly meaning: Meaning;
}

/** A chosen value: one from the list, or one to type. */
type Choice = { readonly type: 'value'; readonly value: unknown } | { readonly type: 'typed' };

/**
 * Lets the user change an option of a trick in a file, as a single edit and undo step. Offers the named tricks, or any.
 * Changes nothing if the user cancels or the value is invalid.
 */
export async function configureTrick(
  services: Services,
  target: vscode.Uri | string | undefined,
  names?: TrickName | readonly TrickName[],
): Promise<void> {
  const uri = typeof target === 'string' ? vscode.Uri.parse(target) : await trickTarget(services, target);
  if (!uri) return;
  const document = await vscode.workspace.openTextDocument(uri);
  const meant = names === undefined ? null : [names].flat();
  const fits = fitsOf(document).filter(
    ({ trick, options }) => (meant?.includes(trick.name) ?? true) && options().length > 0,
  );
  if (fits.length === 0) {
    tell('info', vscode.l10n.t('There is no trick to configure: no trick in this file has options.'));
    return;
  }
  const fit = await pickOne(fits.map(trickRow), vscode.l10n.t('Configure a trick'), '');
  if (!fit) return;
  const title = configureTitle(fit).replace(/\.\.\.$/, '');
  const option = await pickOne(
    fit.options().map(optionRow),
    title,
    vscode.l10n.t('Choose the option to change'),
  );
  if (!option) return;
  const named = vscode.l10n.t('{0}: {1}', title, option.name);
  const chosen = await chooseValue(services, document, fit.trick.name, option, named);
  if (!chosen) return;
  const outcome = await applyResult(document, configuredNow(document, fit.trick.name, option, chosen.value));
  if (!outcome.ok) {
    tell(
      'warning',
      vscode.l10n.t('{0} was not changed. {1}', `${fit.trick.name}.${option.name}`, outcome.reason),
    );
  }
}

/** Computes the edit against the current text, which may have changed since the choice began. */
function configuredNow(document: vscode.TextDocument, name: TrickName, option: TrickOption, value: unknown) {
  const fit = fitsOf(document).find(({ trick, isIn }) => isIn && trick.name === name);
  return fit
    ? fit.configure(option.name, value)
    : ({ ok: false, reason: vscode.l10n.t('The trick is no longer in the file.') } as const);
}

async function chooseValue(
  services: Services,
  document: vscode.TextDocument,
  name: TrickName,
  option: TrickOption,
  title: string,
): Promise<{ readonly value: unknown } | undefined> {
  const rows = valueRows(services, document, option);
  const choice: Choice | undefined =
    rows.length === 0 ? { type: 'typed' } : await pickOne(rows, title, option.meaning, option.value);
  if (choice?.type !== 'typed') return choice;
  const { trick } = fitsOf(document).find((fit) => fit.trick.name === name) ?? {};
  if (!trick) return undefined;
  const typed = await vscode.window.showInputBox({
    title,
    prompt: vscode.l10n.t('{0} Default: {1}.', option.meaning, shownValue(option.default)),
    value: option.value === undefined ? '' : String(option.value),
    validateInput: (text) => {
      const result = configuredNow(document, name, option, typedValue(trick, option.name, text));
      return result.ok ? undefined : result.reason;
    },
  });
  return typed === undefined ? undefined : { value: typedValue(trick, option.name, typed) };
}

/**
 * Rows for the listed values, plus one for typing another value if the option allows it. Empty if there are no listed
 * values.
 */
function valueRows(
  { library, labels }: Services,
  { uri }: vscode.TextDocument,
  option: TrickOption,
): Row<Choice>[] {
  const listed: Row<Choice>[] = option.namesRun
    ? finishedRuns(library, labels, storeRootOf(uri)).map(({ id, description }) =>
        valueRow(id, description, option),
      )
    : option.choices.map((value) => valueRow(value, '', option));
  if (listed.length === 0 || !option.isOpen) return listed;
  return [
    ...listed,
    { icon: 'edit', label: vscode.l10n.t('Another value...'), alwaysShow: true, meaning: { type: 'typed' } },
  ];
}

function valueRow(value: string | number | boolean, about: string, option: TrickOption): Row<Choice> {
  const marks = [
    about,
    value === option.value ? vscode.l10n.t('now') : '',
    value === option.default ? vscode.l10n.t('default') : '',
  ];
  return {
    label: String(value),
    description: marks.filter(Boolean).join(', '),
    meaning: { type: 'value', value },
  };
}

function trickRow(fit: TrickFit): Row<TrickFit> {
  return {
    label: fit.trick.title(),
    description: fit.effect() ?? '',
    detail: optionsText(fit),
    meaning: fit,
  };
}

function optionRow(option: TrickOption): Row<TrickOption> {
  return {
    label: option.name,
    description: optionText(option),
    detail: option.meaning,
    meaning: option,
  };
}

/** Shows a pick with the row of `current` active. Skips the question if there is only one row. */
async function pickOne<Meaning>(
  rows: readonly Row<Meaning>[],
  title: string,
  placeholder: string,
  current?: unknown,
): Promise<Meaning | undefined> {
  if (rows.length === 1) return rows[0]?.meaning;
  const pick = vscode.window.createQuickPick<Row<Meaning>>();
  pick.title = title;
  pick.placeholder = placeholder;
  pick.matchOnDescription = true;
  pick.matchOnDetail = true;
  const shown = rows.map(shownRow);
  pick.items = shown;
  const active = shown.filter((_, index) => rows[index]!.label === String(current));
  if (active.length > 0) pick.activeItems = active;
  try {
    return await new Promise<Meaning | undefined>((resolve) => {
      pick.onDidAccept(() => resolve(pick.selectedItems[0]?.meaning));
      pick.onDidHide(() => resolve(undefined));
      pick.show();
    });
  } finally {
    pick.dispose();
  }
}
