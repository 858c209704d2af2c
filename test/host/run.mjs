// @ts-check
// Runs the suites of test/host/suites inside a real extension host: the desktop VS Code's where one is
// installed or can be fetched, else code-server's. `--host desktop` and `--host code-server` insist on one;
// BAG_OF_TRICKS_VSCODE names a desktop VS Code's program; `--only NAME` takes the suites with that in their name. Wants node_modules and dist/ to be there; writes
// test/artifacts/host.json.

import { appendFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { format, parseArgs } from 'node:util';
import { downloadAndUnzipVSCode, runTests, SilentReporter } from '@vscode/test-electron';
import { createVSIX } from '@vscode/vsce';
import esbuild from 'esbuild';
import { chromium } from 'playwright-core';
import { ensureBrowser } from '../../scripts/lib/browser.mjs';
import { nodeBundle } from '../../scripts/lib/bundling.mjs';
import { ensureCodeServer, startCodeServer } from '../../scripts/lib/codeServer.mjs';
import { findDesktop, hasDisplay } from '../../scripts/lib/desktop.mjs';
import { cacheFolder, moveToOwnHome } from '../../scripts/lib/home.mjs';
import { hangLimitsMs } from '../../scripts/lib/limits.mjs';
import { mark, root } from '../../scripts/lib/processes.mjs';
import { main } from '../../scripts/lib/project.mjs';

/** Times out early enough to report it before `npm run verify` kills everything. */
const longestRunMs = hangLimitsMs.host.stage - 60_000;
const resultsFile = join(root, 'test/artifacts/host.json');
const logFile = join(root, 'test/artifacts/host.log');
const suitesIndex = join(root, 'out/host/index.js');

/** @typedef {{ workspace: string, userDataDir: string, extensionsDir: string }} Folders fresh for this run */

await main(async () => {
  moveToOwnHome();
  const { values } = parseArgs({
    options: { host: { type: 'string', default: 'any' }, only: { type: 'string', default: '' } },
  });
  await bundleSuites(values.only);
  for (const name of ['yamlExtension', 'pythonExtension']) await packExtension(name);
  await mkdir(join(root, 'test/artifacts'), { recursive: true });
  for (const stale of [resultsFile, logFile]) await rm(stale, { force: true });
  const desktop = values.host === 'code-server' ? undefined : await desktopProgram();
  if (!desktop && values.host === 'desktop') throw new Error('There is no desktop VS Code to run in.');

  const temporary = await mkdtemp(join(tmpdir(), 'bag-of-tricks-host-'));
  try {
    const folders = {
      workspace: join(temporary, 'workspace'),
      userDataDir: join(temporary, 'user-data'),
      extensionsDir: join(temporary, 'extensions'),
    };
    await cp(join(root, 'test/fixtures/workspace'), folders.workspace, { recursive: true });
    console.log(`Running the suites in ${desktop ?? "code-server's extension host"}.`);
    await (desktop ? runInDesktop(desktop, folders) : runInCodeServer(folders));
  } finally {
    await rm(temporary, { recursive: true, force: true, maxRetries: 5 });
  }
  const { passed, failed, skipped } = JSON.parse(await readFile(resultsFile, 'utf8'));
  console.log(`In the extension host: ${passed} passed, ${failed} failed, ${skipped} skipped.`);
  return failed > 0 || passed === 0 ? 1 : 0;
});

/**
 * Bundles each suite, and the index that runs them, into out/host/.
 * @param {string} only part of the names of the suites to bundle
 */
async function bundleSuites(only) {
  const suites = (await readdir(join(root, 'test/host/suites'))).filter(
    (name) => name.endsWith('.test.ts') && name.includes(only),
  );
  await rm(join(root, 'out/host'), { recursive: true, force: true });
  await esbuild.build({
    ...nodeBundle,
    entryPoints: ['test/host/index.ts', ...suites.map((name) => `test/host/suites/${name}`)],
    outbase: 'test/host',
    outdir: 'out/host',
    sourcemap: true,
    external: ['vscode', 'mocha'],
  });
}

/**
 * Packs the stand-in for another extension, which one suite installs, as out/host/NAME.vsix.
 * @param {string} name
 */
async function packExtension(name) {
  const folder = join(root, 'out/host', name);
  await mkdir(folder, { recursive: true });
  await esbuild.build({
    ...nodeBundle,
    entryPoints: [`test/host/${name}/extension.ts`],
    outdir: folder,
    external: ['vscode'],
    // The UMD builds of the server's dependencies cannot be bundled.
    mainFields: ['module', 'main'],
    logLevel: 'error',
  });
  await cp(join(root, 'test/host', name, 'package.json'), join(folder, 'package.json'));
  await createVSIX({
    cwd: folder,
    packagePath: `${folder}.vsix`,
    dependencies: false,
    allowMissingRepository: true,
    skipLicense: true,
  });
}

/**
 * Returns the desktop VS Code executable: a named or installed one, else the newest, downloaded into the cache.
 * @returns {Promise<string | undefined>} undefined, with a line that says why, if there is none
 */
async function desktopProgram() {
  if (!hasDisplay) {
    console.log('Desktop VS Code: there is no display to show it on.');
    return undefined;
  }
  const installed = process.env.BAG_OF_TRICKS_VSCODE || (await findDesktop())?.executable;
  if (installed) return installed;
  try {
    return await downloadAndUnzipVSCode({
      cachePath: join(cacheFolder, 'vscode'),
      reporter: new SilentReporter(),
      timeout: 10_000,
    });
  } catch (error) {
    console.log(`Desktop VS Code: none is installed, and it could not be fetched (${messageOf(error)}).`);
    return undefined;
  }
}

/**
 * @param {string} vscodeExecutablePath
 * @param {Folders} folders
 */
async function runInDesktop(vscodeExecutablePath, { workspace, userDataDir, extensionsDir }) {
  const marked = mark();
  try {
    const tests = runTests({
      vscodeExecutablePath,
      extensionDevelopmentPath: root,
      extensionTestsPath: suitesIndex,
      extensionTestsEnv: { ...marked.env, BAG_OF_TRICKS_TEST_RESULTS: resultsFile },
      launchArgs: [
        workspace,
        ...['--user-data-dir', userDataDir, '--extensions-dir', extensionsDir],
        ...['--disable-workspace-trust', '--skip-welcome', '--skip-release-notes', '--disable-updates'],
      ],
    });
    await Promise.race([tests, cutOff()]);
  } catch (error) {
    // A failed test also ends up here. The results say what failed.
    console.error(`VS Code: ${messageOf(error)}`);
  } finally {
    await marked.end();
  }
}

/**
 * Opens a workbench with the suites named in its address. It loads them into the extension host.
 * @param {Folders} folders
 */
async function runInCodeServer({ workspace, userDataDir, extensionsDir }) {
  const installation = await ensureCodeServer();
  const executablePath = await ensureBrowser();
  const server = await startCodeServer(installation, { userDataDir, extensionsDir, testDriver: true });
  try {
    const browser = await chromium.launch({ executablePath, timeout: hangLimitsMs.host.wait });
    try {
      const page = await browser.newPage();
      page.setDefaultTimeout(hangLimitsMs.host.wait);
      await page.exposeFunction('codeAutomationLog', logLine);
      const exitCode = new Promise((resolve) => {
        page.exposeFunction('codeAutomationExit', resolve).catch(() => undefined);
      });
      const remote = `vscode-remote://${new URL(server.url).host}`;
      const payload = [
        ['extensionDevelopmentPath', remote + root.replace(/\/$/, '')],
        ['extensionTestsPath', remote + suitesIndex],
        ['extensionEnvironment', JSON.stringify({ BAG_OF_TRICKS_TEST_RESULTS: resultsFile })],
      ];
      const address = new URL(server.url);
      address.searchParams.set('folder', workspace);
      address.searchParams.set('payload', JSON.stringify(payload));
      await page.goto(address.href);
      await Promise.race([
        exitCode,
        cutOff(),
        server.exited.then(() => {
          throw new Error('code-server ended before the suites did.');
        }),
      ]);
    } finally {
      await browser.close();
    }
  } finally {
    await server.stopAll();
  }
}

/**
 * Prints the suites' own lines from the workbench's console. The others go to test/artifacts/host.log.
 * @param {string} type
 * @param {unknown[]} args
 */
function logLine(type, args) {
  const line = format(...args);
  if (line.startsWith('[suites] ')) console.log(line.slice('[suites] '.length));
  else appendFileSync(logFile, `${type}: ${line}\n`);
}

/**
 * Never resolves. Rejects when the run exceeds its time limit or receives a signal to end.
 * @returns {Promise<never>}
 */
function cutOff() {
  return new Promise((_, reject) => {
    const fail = (/** @type {string} */ why) => reject(new Error(`The suites did not end: ${why}.`));
    setTimeout(fail, longestRunMs, `they took more than ${longestRunMs / 60_000} minutes`).unref();
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
      process.once(signal, () => fail(`stopped by ${signal}`));
    }
    process.stdout.once('error', () => fail('nobody reads what they print'));
  });
}

/** @param {unknown} error */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
