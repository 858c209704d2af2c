import * as vscode from 'vscode';
import { type ExperimentHover, foreignHoverAt, hoverAt } from '../../insight/hovers';
import type { RunEvidence } from '../runs/runEvidence';
import { type LinkedCommand, markdown } from '../shown';
import { isExperiment, TRICK_SELECTOR } from './experimentFiles';
import { commandFitsOf, editorRange, foreignOf, parsedOf } from './parsing';
import { hasSchemaHelp } from './schemaHelp';
import type { SlowFormatsHere } from './slowFormatsHere';

/** Explains keys, values and tricks of experiment files, and tricks in other systems' files. */
export class Hovers implements vscode.HoverProvider {
  constructor(
    private readonly evidence: RunEvidence,
    private readonly slowFormats: SlowFormatsHere,
  ) {}

  register(): vscode.Disposable {
    return vscode.languages.registerHoverProvider(TRICK_SELECTOR, this);
  }

  provideHover(document: vscode.TextDocument, position: vscode.Position): vscode.Hover | null {
    const hover = this.#hoverAt(document, document.offsetAt(position));
    if (!hover) return null;
    const [title = '', ...parts] = hover.parts;
    const links = linksOf(document, hover);
    const text = [[title, ...links.map(({ text }) => text)].join(' · '), ...parts].join('\n\n');
    const commands = links.map(({ command }) => command);
    return new vscode.Hover(markdown(text, commands), editorRange(hover.range));
  }

  #hoverAt(document: vscode.TextDocument, offset: number): ExperimentHover | null {
    const { index, studies } = this.evidence;
    const { all } = this.slowFormats;
    if (isExperiment(document.uri))
      return hoverAt(
        parsedOf(document),
        offset,
        index,
        hasSchemaHelp(document),
        all,
        studies,
        commandFitsOf(document),
      );
    const foreign = foreignOf(document);
    return foreign && foreignHoverAt(foreign, offset, index, all, studies);
  }
}

/** Command links next to the title of a trick's hover. */
function linksOf(document: vscode.TextDocument, { trick }: ExperimentHover): CommandLink[] {
  if (!trick) return [];
  const args = encodedForLink(JSON.stringify([document.uri.toString(), trick.name]));
  const link = (label: string, command: LinkedCommand) => ({
    command,
    text: `[${label}](command:${command}?${args})`,
  });
  return [
    link(vscode.l10n.t('Show what it changes'), 'bagOfTricks.compareTrick'),
    ...(trick.canBeConfigured ? [link(vscode.l10n.t('Configure'), 'bagOfTricks.configureTrick')] : []),
  ];
}

interface CommandLink {
  readonly command: LinkedCommand;
  readonly text: string;
}

/** Encodes arguments for a Markdown link. Parentheses in a file name would end the link. */
function encodedForLink(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16)}`);
}
