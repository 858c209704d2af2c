import * as vscode from 'vscode';
import type { AnyRecipe } from '../../recipe/anyRecipe';
import { ReadOnlyDocuments } from './readOnlyDocuments';

/** Shows resolved recipes as read-only documents. */
export class RecipeDocuments implements vscode.Disposable {
  readonly #documents = new ReadOnlyDocuments('bag-of-tricks-recipe');

  /** Shows a recipe. Replaces the previous recipe of the same origin. */
  async show(recipe: AnyRecipe, origin: string): Promise<void> {
    await vscode.window.showTextDocument(this.#hold(recipe, origin), { preview: true });
  }

  /** Shows a diff of two recipes. */
  async compare(before: AnyRecipe, after: AnyRecipe, origin: string, title: string): Promise<void> {
    const left = this.#hold(before, `${origin}&before`);
    const right = this.#hold(after, `${origin}&after`);
    await vscode.commands.executeCommand('vscode.diff', left, right, title, { preview: true });
  }

  #hold(recipe: AnyRecipe, origin: string): vscode.Uri {
    const name = `${recipe.name.replaceAll('/', '-')}.recipe.json`;
    return this.#documents.hold(name, `${JSON.stringify(recipe, null, 2)}\n`, origin);
  }

  dispose(): void {
    this.#documents.dispose();
  }
}
