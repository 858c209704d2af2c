// Preloaded into a program, counts its changes of the folder TEST_FOLDER, and before one of them kills or stops it.
//
// TEST_CHANGES names a file that gets a line for each change, such as "rename run.json". TEST_ACT is what befalls the
// program, "kill" or "stop" (which a SIGCONT ends); TEST_AT says before which change: its number from 0, or its line
// and how often that comes before, such as "rename run.json#2".
const fs = require('node:fs');
const { dirname, resolve, sep } = require('node:path');
const { isMainThread } = require('node:worker_threads');

const folder = process.env.TEST_FOLDER;
const { TEST_CHANGES: list, TEST_AT: at, TEST_ACT: act } = process.env;
const { appendFileSync } = fs;

if (isMainThread && folder && process.argv.includes(folder)) {
  let count = 0;
  const seen = new Map();

  const change = (operation, path) => {
    const line = `${operation} ${nameOf(path)}`;
    const before = seen.get(line) ?? 0;
    seen.set(line, before + 1);
    if (list) appendFileSync(list, `${line}\n`);
    if (at === `${count}` || at === `${line}#${before}`) {
      process.kill(process.pid, act === 'kill' ? 'SIGKILL' : 'SIGSTOP');
    }
    count += 1;
  };

  /** Without what is random in it. */
  const nameOf = (path) =>
    resolve(path)
      .slice(folder.length + 1)
      .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'UUID');
  const isInside = (path) =>
    typeof path === 'string' && (resolve(path) === folder || resolve(path).startsWith(folder + sep));

  const wrap = (object, name, pathOf) => {
    const original = object[name];
    object[name] = function (...args) {
      const path = pathOf(...args);
      if (isInside(path)) change(name.replace(/Sync$/, ''), path);
      return original.apply(this, args);
    };
  };

  const second = (_, to) => to;
  const first = (path) => path;
  for (const name of ['rename', 'link', 'copyFile']) wrap(fs.promises, name, second);
  for (const name of ['rm', 'mkdir', 'writeFile', 'appendFile']) wrap(fs.promises, name, first);
  for (const name of ['rmSync', 'mkdirSync', 'writeFileSync']) wrap(fs, name, first);

  const { openSync, writeSync, ftruncateSync } = fs;
  const paths = new Map();
  fs.openSync = (path, ...rest) => {
    if (isInside(path) && !fs.existsSync(path)) change('create', path);
    const file = openSync(path, ...rest);
    if (isInside(path)) paths.set(file, path);
    else paths.delete(file);
    return file;
  };
  fs.writeSync = (file, ...rest) => {
    if (paths.has(file)) change('write', paths.get(file));
    return writeSync(file, ...rest);
  };
  fs.ftruncateSync = (file, ...rest) => {
    if (paths.has(file)) change('truncate', paths.get(file));
    return ftruncateSync(file, ...rest);
  };

  const { open } = fs.promises;
  fs.promises.open = async (path, flags, ...rest) => {
    if (isInside(path) && /[wa]/.test(flags ?? '') && fs.existsSync(dirname(path))) change('create', path);
    const file = await open(path, flags, ...rest);
    if (isInside(path)) {
      for (const name of ['writeFile', 'write', 'truncate', 'utimes']) {
        const original = file[name].bind(file);
        file[name] = (...args) => {
          change(name === 'writeFile' ? 'write' : name, path);
          return original(...args);
        };
      }
    }
    return file;
  };
}
