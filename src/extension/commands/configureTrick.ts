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

/** A row of a pick with what it stands for. */
interface Row<Meaning> extends PickRow {
  readonly meaning: Meaning;
}

/** What a person chose as a value: one that is listed, or one to be typed. */
type Choice = { readonly type: 'value'; readonly value: unknown } | { readonly type: 'typed' };

/**
 * Lets a person give an option of a trick that is in a file another value, as one edit that one undo takes back:
 * of the tricks named, or of any. Nothing changes where the choice is given up, or the value cannot stand.
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
    tell('info', vscode.l10n.t('There is no trick to configure: none that has options is in the file.'));
    return;
  }
  const fit = await pickOne(fits.map(trickRow), vscode.l10n.t('Configure a trick'), '');
  if (!fit) return;
  const title = configureTitle(fit).replace(/\.\.\.$/, '');
  const option = await pickOne(
    fit.options().map(optionRow),
    title,
    vscode.l10n.t('Choose the option to give another value'),
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

/** The edit in the file as it is now: it may have changed since the choice began. */
function configuredNow(document: vscode.TextDocument, name: TrickName, option: TrickOption, value: unknown) {
  const fit = fitsOf(document).find(({ trick, isIn }) => isIn && trick.name === name);
  return fit
    ? fit.configure(option.name, value)
    : ({ ok: false, reason: vscode.l10n.t('The trick is not in the file any more.') } as const);
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

/** The values that can be listed, and a way to others where there are some; none where all are to be typed. */
function valueRows({ library }: Services, { uri }: vscode.TextDocument, option: TrickOption): Row<Choice>[] {
  const listed: Row<Choice>[] = option.namesRun
    ? finishedRuns(library, storeRootOf(uri)).map(({ id, description }) => valueRow(id, description, option))
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

/** What a person picks, the row of `current` under the cursor; without a question where there is one row alone. */
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
