import { programName } from './programName';

/** Programs whose subcommand `run` starts a command in an environment that they choose. */
const LAUNCHERS: ReadonlySet<string> = new Set([
  ...['uv', 'conda', 'mamba', 'micromamba', 'poetry', 'pixi', 'pipenv', 'pdm', 'hatch', 'rye'],
]);

/** Returns the words of a command that choose its Python, such as `uv run`. Null if it has none. */
export function launcherOf([program = '', ...args]: readonly string[]): string | null {
  const name = programName(program);
  if (name === 'uvx') return name;
  return LAUNCHERS.has(name) && args.includes('run') ? `${name} run` : null;
}
