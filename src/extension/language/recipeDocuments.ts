import * as vscode from 'vscode';
import type { Recipe } from '../../recipe/recipe';
import { ReadOnlyDocuments } from './readOnlyDocuments';

/** Resolved recipes as read-only documents. */
export class RecipeDocuments implements vscode.Disposable {
  readonly #documents = new ReadOnlyDocuments('bag-of-tricks-recipe');

  /** Shows a recipe; one of the same origin takes the place of what was shown of it before. */
  async show(recipe: Recipe, origin: string): Promise<void> {
    await vscode.window.showTextDocument(this.#hold(recipe, origin), { preview: true });
  }

  /** Shows two recipes beside one another, with what differs. */
  async compare(before: Recipe, after: Recipe, origin: string, title: string): Promise<void> {
    const left = this.#hold(before, `${origin}&before`);
    const right = this.#hold(after, `${origin}&after`);
    await vscode.commands.executeCommand('vscode.diff', left, right, title, { preview: true });
  }

  #hold(recipe: Recipe, origin: string): vscode.Uri {
    const name = `${recipe.name.replaceAll('/', '-')}.recipe.json`;
    return this.#documents.hold(name, `${JSON.stringify(recipe, null, 2)}\n`, origin);
  }

  dispose(): void {
    this.#documents.dispose();
  }
}
