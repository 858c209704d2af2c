// @ts-check
// `npm start`: opens the examples in VS Code with the extension loaded. In the desktop VS Code where there is
// one, else (or with `npm start -- --browser`) in code-server on a loopback address.
import { join } from 'node:path';
import { findDesktop, hasDisplay } from './lib/desktop.mjs';
import { root, run } from './lib/processes.mjs';
import { build, ensureInstalled, main, packExtension } from './lib/project.mjs';

const examples = join(root, 'examples');

await main(async () => {
  await ensureInstalled();
  await build();
  // The desktop VS Code does not run as root on Linux.
  const asRoot = process.platform === 'linux' && process.getuid?.() === 0;
  const reason = whyInBrowser(asRoot);
  const desktop = reason === undefined ? await findDesktop() : undefined;
  if (!desktop) return serve(reason ?? 'No VS Code is installed on the desktop');
  console.log(`Opening ${examples} in VS Code...`);
  const args = ['--new-window', `--extensionDevelopmentPath=${root}`, examples];
  return run(desktop.cli, args);
});

/**
 * Returns why VS Code is served for a browser, undefined if it can open on the desktop.
 * @param {boolean} asRoot
 */
function whyInBrowser(asRoot) {
  if (process.argv.includes('--browser')) return '--browser asks for it';
  if (!hasDisplay) return 'There is no display here';
  return asRoot ? 'The desktop VS Code does not run as root' : undefined;
}

/**
 * Serves the examples in code-server until Ctrl-C.
 * @param {string} reason why it does not open on the desktop
 */
async function serve(reason) {
  console.log(`${reason}: VS Code is served for a browser on this machine.`);
  // Imported only after the install, because these load packages.
  const { ensureCodeServer, installExtension, startCodeServer } = await import('./lib/codeServer.mjs');
  const { cacheFolder } = await import('./lib/home.mjs');
  const installation = await ensureCodeServer();
  const folders = {
    userDataDir: join(cacheFolder, 'start/user-data'),
    extensionsDir: join(cacheFolder, 'start/extensions'),
  };
  const vsix = await packExtension(join(cacheFolder, 'start'));
  await installExtension(installation, { ...folders, vsix });
  const interrupted = new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, resolve);
  });
  const server = await startCodeServer(installation, folders);
  try {
    console.log(`\nVS Code with Bag of Tricks: ${server.url}/?folder=${encodeURIComponent(examples)}`);
    const { port } = new URL(server.url);
    console.log(
      `Open it in a browser here, or forward the port from another machine: ssh -L ${port}:127.0.0.1:${port} HOST`,
    );
    console.log('Anyone on this machine can open it while it runs. Press Ctrl-C to stop it.');
    const ended = await Promise.race([
      interrupted.then(() => 'interrupted'),
      server.exited.then(() => 'exited'),
    ]);
    if (ended === 'exited') throw new Error('code-server ended by itself. Start it again with npm start.');
  } finally {
    await server.stop();
  }
}
