/** Programs of Python packages that run in the Python of their own environment. */
const PYTHON_PROGRAMS: ReadonlySet<string> = new Set([
  ...['torchrun', 'accelerate', 'mim', 'pip', 'deepspeed', 'horovodrun', 'ipython'],
]);

/** Returns the name of a program without its folder and Windows' ending. */
export function programName(word: string): string {
  return word.replace(/^.*[\\/]/, '').replace(/\.(?:exe|bat|cmd)$/i, '');
}

/** Whether a program is Python by its name: python, python3 and so on. */
export function isPython(word: string): boolean {
  return /^python(?:3(?:\.\d+)?)?(?:\.exe)?$/i.test(word);
}

/** Whether a program belongs to a Python environment by its name, such as torchrun. */
export function isOfPython(word: string): boolean {
  return PYTHON_PROGRAMS.has(word);
}

/**
 * Returns the names that a Python may have on PATH, the written one first. Windows has no python3 in most installations,
 * and a Python that is not on PATH has a launcher there. Debian has no python.
 */
export function pythonNames(word: string, platform: NodeJS.Platform): readonly string[] {
  if (platform !== 'win32') return word === 'python' ? [word, 'python3'] : [word];
  const name = word.replace(/\.exe$/i, '');
  return /^python3?$/i.test(name) ? [name, ...(/3$/.test(name) ? ['python'] : []), 'py'] : [name];
}
