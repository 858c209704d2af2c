// A real VS Code workbench with the packed extension installed. Tests use only mouse and keyboard, as a person would.
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { chromium, type FrameLocator, type Locator, type Page } from 'playwright-core';
import { inject } from 'vitest';
import { startCodeServer } from '../../scripts/lib/codeServer.mjs';
import { hangLimitsMs } from '../../scripts/lib/limits.mjs';
import { root } from '../../scripts/lib/processes.mjs';

const themes = { light: 'Default Light Modern', dark: 'Default Dark Modern' } as const;
export type Theme = keyof typeof themes;

const modifier = process.platform === 'darwin' ? 'Meta' : 'Control';

export interface WorkbenchOptions {
  /** The folder to open, relative to the repository root. Opens a fresh copy, never the folder itself. */
  readonly folder: string;
  readonly theme: Theme;
  /** Whether the folder is trusted. Default: true. */
  readonly trusted?: boolean;
  /** User settings. They override the harness's own. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

/** One workbench: a server, a browser and a page. Close it at the end, even if the test failed. */
export class Workbench {
  private constructor(
    readonly page: Page,
    /** The open copy. */
    readonly folder: string,
    /** Stops the server, the browser and everything they started, and deletes the copy. */
    readonly close: () => Promise<void>,
  ) {}

  /** Starts a workbench on a fresh copy of a folder, with fresh user data. */
  static async open({ folder, theme, trusted = true, settings }: WorkbenchOptions): Promise<Workbench> {
    const { installation, browser: executablePath, extensionsDir } = inject('workbench');
    const temporary = await mkdtemp(join(tmpdir(), 'bag-of-tricks-workbench-'));
    const copy = join(temporary, basename(folder));
    const closers = [() => rm(temporary, { recursive: true, force: true, maxRetries: 5 })];
    const close = async () => {
      while (closers.length > 0) await closers.pop()?.();
    };
    try {
      const isRunData = (path: string) => basename(path) === '.bag-of-tricks';
      await cp(join(root, folder), copy, { recursive: true, filter: (path) => !isRunData(path) });
      const server = await startCodeServer(installation, {
        userDataDir: join(temporary, 'user-data'),
        extensionsDir,
        trusting: trusted,
        settings: {
          'workbench.colorTheme': themes[theme],
          'security.workspace.trust.startupPrompt': 'never',
          'workbench.reduceMotion': 'on',
          ...settings,
        },
      });
      closers.push(server.stopAll);
      const browser = await chromium.launch({ executablePath, timeout: hangLimitsMs.ui.wait });
      closers.push(() => browser.close());
      const page = await browser.newPage({ viewport: { width: 1400, height: 900 }, colorScheme: theme });
      page.setDefaultTimeout(hangLimitsMs.ui.wait);
      await page.goto(`${server.url}/?folder=${encodeURIComponent(copy)}`);
      await page.locator('.monaco-workbench .part.statusbar .statusbar-item').first().waitFor();
      await page.locator('.explorer-folders-view .monaco-list-row').first().waitFor();
      return new Workbench(page, copy, close);
    } catch (error) {
      await close();
      throw error;
    }
  }

  /** Opens a file of the folder in an editor and waits for its text. */
  async openFile(name: string): Promise<void> {
    await this.page.keyboard.press(`${modifier}+P`);
    await this.pick(name);
    await this.page.locator('.editor-group-container .monaco-editor .view-line').first().waitFor();
    await this.page.getByRole('tab', { name, exact: false }).first().waitFor();
  }

  /** Runs a command by its title, through the palette. */
  async runCommand(title: string): Promise<void> {
    await this.page.keyboard.press('F1');
    await this.pick(title, '>');
  }

  /** Finds the code lenses whose title contains a text. */
  lenses(text: string | RegExp): Locator {
    return this.page.locator('.codelens-decoration a').filter({ hasText: text });
  }

  /** Clicks the first code lens whose title contains a text, after it shows and all lenses have stopped moving. */
  async clickLens(text: string | RegExp): Promise<void> {
    await this.lenses(text).first().waitFor();
    await this.lensesStandStill();
    await this.lenses(text).first().click();
  }

  /** Returns the document inside a webview panel, by its index among the open panels. */
  panelFrame(index = 0): FrameLocator {
    return this.page.frameLocator(`iframe.webview.ready >> nth=${index}`).frameLocator('#active-frame');
  }

  /** Returns the rows of a side bar view, by the view's title. */
  treeRows(view: string): Locator {
    return this.page
      .locator('.pane')
      .filter({ has: this.page.locator('.pane-header', { hasText: view }) })
      .locator('.pane-body .monaco-list-row');
  }

  /** Returns the rows of the open quick pick. */
  quickPickRows(): Locator {
    return this.page.locator('.quick-input-list .monaco-list-row');
  }

  /** Returns the visible notifications. */
  toasts(): Locator {
    return this.page.locator('.notification-toast');
  }

  /** Returns the text of the active editor's visible lines, with ordinary spaces. */
  async editorText(): Promise<string> {
    const lines = await this.page.locator('.editor-group-container.active .view-line').all();
    const placed = await Promise.all(
      lines.map(async (line) => ({
        top: await line.evaluate((element) => Number.parseFloat((element as HTMLElement).style.top)),
        text: ((await line.textContent()) ?? '').replaceAll('\u00a0', ' '),
      })),
    );
    return placed
      .sort((a, b) => a.top - b.top)
      .map(({ text }) => text)
      .join('\n');
  }

  /** Saves a screenshot of the whole page to test/artifacts/ after all fade animations have ended. */
  async screenshot(name: string): Promise<void> {
    await this.page.evaluate(async () => {
      const ends = document
        .getAnimations()
        .filter(({ effect }) => effect?.getTiming().iterations !== Number.POSITIVE_INFINITY);
      await Promise.allSettled(ends.map(({ finished }) => finished));
    });
    const folder = join(root, 'test/artifacts');
    await mkdir(folder, { recursive: true });
    await this.page.screenshot({ path: join(folder, `${name}.png`) });
  }

  /** Waits until no lens appears, disappears or moves. A click on a lens that the editor is about to redraw is lost. */
  private async lensesStandStill(): Promise<void> {
    const places = () =>
      this.page
        .locator('.codelens-decoration')
        .evaluateAll((all) =>
          JSON.stringify(all.map((each) => [each.textContent, each.getBoundingClientRect().top])),
        );
    let before = '';
    for (let now = await places(); now !== before; now = await places()) {
      before = now;
      await this.page.waitForTimeout(1_000);
    }
  }

  /** Types into the open quick pick and accepts the first row that contains the text. */
  private async pick(text: string, prefix = ''): Promise<void> {
    const input = this.page.locator('.quick-input-widget input.input');
    await input.waitFor();
    await input.fill(prefix + text);
    const row = this.quickPickRows().filter({ hasText: text }).first();
    await row.click();
    // A command may open another quick pick immediately.
    await row.waitFor({ state: 'hidden' });
  }
}
