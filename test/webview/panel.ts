import { existsSync, readdirSync, statSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { inject } from 'vitest';
import { hangLimitsMs } from '../../scripts/lib/limits.mjs';
import { pageHtml } from '../../src/extension/views/pageHtml';
import { type FromDashboard, isFromDashboard, type ToDashboard } from '../../src/protocol/dashboard';
import { type FromStudyPage, isFromStudyPage, type ToStudyPage } from '../../src/protocol/studyPage';
import { THEMES, type ThemeName } from './themes';

const root = join(import.meta.dirname, '../..');
const bundle = join(root, 'dist/webview');
const artifacts = join(root, 'test/artifacts');

const CHROMIUM_ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The state of the page's fake VS Code API, as the page's script sees it. */
interface StandIn {
  readonly posted: unknown[];
  readonly violations: string[];
}

declare global {
  interface Window {
    standIn: StandIn;
  }
}

/** A built page: the dashboard of a run or of a study. */
type PageName = 'dashboard' | 'study';

/** A browser and a server for the built pages, for the tests of one file. */
export class PanelHost {
  private constructor(
    private readonly browser: Browser,
    private readonly server: Server,
    private readonly origin: string,
  ) {}

  static async start(translations?: Record<string, string>): Promise<PanelHost> {
    checkBundle();
    const server = serve(translations);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const browser = await chromium.launch({
      executablePath: inject('browser'),
      args: CHROMIUM_ARGUMENTS,
      timeout: hangLimitsMs.webview.wait,
    });
    return new PanelHost(browser, server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  }

  async stop(): Promise<void> {
    await this.browser.close();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** Opens a new panel as VS Code would. */
  async open(
    options: {
      page?: PageName;
      theme?: ThemeName;
      width?: number;
      height?: number;
      still?: boolean;
      /** Whether the system replaces the page's colors with its own limited palette. */
      forcedColors?: boolean;
    } = {},
  ): Promise<Panel> {
    const { page: name = 'dashboard', theme = 'dark', width = 1000, height = 800, still = false } = options;
    const reducedMotion = still ? 'reduce' : 'no-preference';
    const forcedColors = options.forcedColors ? 'active' : 'none';
    const context = await this.browser.newContext({
      viewport: { width, height },
      reducedMotion,
      forcedColors,
    });
    const page = await context.newPage();
    page.setDefaultTimeout(hangLimitsMs.webview.wait);
    const panel = new Panel(page, name);
    await page.addInitScript(standIn);
    await page.addInitScript(applyTheme, THEMES[theme]);
    await page.goto(`${this.origin}/${name}`);
    await panel.ready();
    return panel;
  }
}

/** An open panel, from the extension host's side and from a person's. */
export class Panel {
  /** Page errors and warnings, opened dialogs, and requests that the policy forbids. Expected to be empty. */
  private readonly troubles: string[] = [];

  constructor(
    readonly page: Page,
    private readonly name: PageName,
  ) {
    page.on('pageerror', (error) => this.troubles.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') this.troubles.push(message.text());
    });
    page.on('dialog', async (dialog) => {
      this.troubles.push(`dialog: ${dialog.message()}`);
      await dialog.dismiss();
    });
  }

  /** Waits until the dashboard has reported that it can receive messages. */
  async ready(): Promise<void> {
    await this.page.waitForFunction(() => window.standIn.posted.length > 0);
  }

  /** Sends messages and waits until their changes are drawn. */
  async send(...messages: (ToDashboard | ToStudyPage)[]): Promise<void> {
    await this.page.evaluate((all) => {
      for (const message of JSON.parse(all)) window.postMessage(message);
    }, JSON.stringify(messages));
    await this.drawn();
  }

  /** Waits until everything received so far is drawn: messages first, then the frame that they requested. */
  async drawn(): Promise<void> {
    await this.page.evaluate(async () => {
      await new Promise((resolve) => setTimeout(resolve));
      await new Promise((resolve) => requestAnimationFrame(resolve));
      await new Promise((resolve) => requestAnimationFrame(resolve));
    });
  }

  /** Returns the messages that the dashboard has sent since it was loaded. */
  async posted(): Promise<FromDashboard[]> {
    const messages = await this.page.evaluate(() => window.standIn.posted);
    return messages.map((message) => {
      if (!isFromDashboard(message)) throw new Error(`Not a message: ${JSON.stringify(message)}`);
      return message;
    });
  }

  /** Returns the messages that a study's page has sent since it was loaded. */
  async asked(): Promise<FromStudyPage[]> {
    const messages = await this.page.evaluate(() => window.standIn.posted);
    return messages.map((message) => {
      if (!isFromStudyPage(message)) throw new Error(`Not a message: ${JSON.stringify(message)}`);
      return message;
    });
  }

  /** Returns the state that the page saved for its next load. */
  savedState(): Promise<unknown> {
    return this.page.evaluate(() => JSON.parse(sessionStorage.getItem('state') ?? 'null'));
  }

  async reload(): Promise<void> {
    await this.page.reload();
    await this.ready();
  }

  async setTheme(theme: ThemeName): Promise<void> {
    await this.page.evaluate(applyTheme, THEMES[theme]);
    await this.drawn();
  }

  /** Returns a chart's description of its content. */
  async summary(chart: 'Loss' | 'Learning rate' | 'Accuracy'): Promise<string> {
    return (await this.image(chart).getAttribute('aria-label')) ?? '';
  }

  image(chart: 'Loss' | 'Learning rate' | 'Accuracy') {
    return this.page.getByRole('img', { name: new RegExp(`^${chart} over`) });
  }

  /** Returns the number of points in each chart's curves. */
  async drawnPoints(): Promise<number[]> {
    const canvases = await this.page.getByRole('img').all();
    return Promise.all(canvases.map(async (canvas) => Number(await canvas.getAttribute('data-drawn'))));
  }

  /** Counts the pixels of the loss chart with exactly this color, such as '#3794ff'. */
  async pixels(color: string): Promise<number> {
    const rgb = [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16));
    return this.image('Loss').evaluate((element, wanted) => {
      const canvas = element as HTMLCanvasElement;
      // A copy: reading the chart's own canvas would change how the browser keeps it.
      const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d')!;
      copy.drawImage(canvas, 0, 0);
      const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
      let count = 0;
      for (let at = 0; at < data.length; at += 4) {
        if (wanted.every((value, channel) => data[at + channel] === value)) count++;
      }
      return count;
    }, rgb);
  }

  async screenshot(name: string): Promise<void> {
    await mkdir(artifacts, { recursive: true });
    await this.page.screenshot({ path: join(artifacts, `${this.name}-${name}.png`), fullPage: true });
  }

  /** Closes the panel and returns everything that went wrong in it. */
  async close(): Promise<string[]> {
    const violations = await this.page.evaluate(() => window.standIn.violations);
    await this.page.context().close();
    return [...this.troubles, ...violations];
  }
}

/** Runs in the page before its own scripts: VS Code's side of the webview, with a listener for policy violations. */
function standIn(): void {
  const posted: unknown[] = [];
  const violations: string[] = [];
  Object.assign(window, {
    standIn: { posted, violations },
    acquireVsCodeApi: () => ({
      postMessage: (message: unknown) => posted.push(message),
      getState: () => JSON.parse(sessionStorage.getItem('state') ?? 'null') ?? undefined,
      setState: (state: unknown) => sessionStorage.setItem('state', JSON.stringify(state ?? null)),
    }),
  });
  document.addEventListener('securitypolicyviolation', (event) => {
    violations.push(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`);
  });
}

/** Runs in the page: sets a theme's variables and class like VS Code. */
function applyTheme({ bodyClass, variables }: (typeof THEMES)[ThemeName]): void {
  const apply = () => {
    for (const [name, value] of Object.entries(variables)) {
      document.documentElement.style.setProperty(`--vscode-${name}`, value);
    }
    document.body.className = bodyClass;
  };
  if (document.body) apply();
  else document.addEventListener('DOMContentLoaded', apply);
}

/** Serves the pages, their scripts and stylesheets, and nothing else. */
function serve(translations?: Record<string, string>): Server {
  return createServer(async (request, response) => {
    const origin = `http://${request.headers.host}`;
    const [, name = '', extension] = /^\/(dashboard|study)(\.js|\.css)?$/.exec(request.url ?? '') ?? [];
    if (name === '') {
      response.writeHead(request.url === '/favicon.ico' ? 204 : 404).end();
    } else if (extension === undefined) {
      response.setHeader('Content-Type', 'text/html; charset=utf-8');
      response.end(
        pageHtml({
          scriptUri: `${origin}/${name}.js`,
          styleUri: `${origin}/${name}.css`,
          cspSource: origin,
          nonce: 'c2FtcGxl',
          language: 'en',
          translations,
        }),
      );
    } else {
      const type = extension === '.js' ? 'text/javascript' : 'text/css';
      response.setHeader('Content-Type', `${type}; charset=utf-8`);
      response.end(await readFile(join(bundle, `${name}${extension}`)));
    }
  });
}

/** The tests use the built pages, so those must be up to date with the sources. */
function checkBundle(): void {
  const built = ['dashboard.js', 'dashboard.css', 'study.js', 'study.css'].map((name) => join(bundle, name));
  const sources = readdirSync(join(root, 'webview'), { recursive: true, encoding: 'utf8' }).map((name) =>
    join(root, 'webview', name),
  );
  const newest = Math.max(...sources.map((path) => statSync(path).mtimeMs));
  const stale = built.filter((path) => !existsSync(path) || statSync(path).mtimeMs < newest);
  if (stale.length > 0) throw new Error(`Missing or older than webview/: ${stale}. Run npm run build first.`);
}
