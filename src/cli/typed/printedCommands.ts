/**
 * Makes the commands in the output ones that a person can type. The rest of the program writes them as `tricks ...`. If
 * that would not start this program, they are printed as `node PATH/tricks.js ...`.
 */
import { invocation, NAME, type Surroundings, surroundings } from './invocation';

/**
 * Returns the function that makes the commands in a text ones that can be typed. A command is `tricks` with the name of
 * a command or an option, at the start of a line, after punctuation, or after the words that introduce it in sentences.
 * The same words inside a path stay as they are.
 *
 * @param names the names of the commands
 */
export function printedCommands(
  names: () => readonly string[],
  here: () => Surroundings = surroundings,
): (text: string) => string {
  let printed: ((text: string) => string) | undefined;
  return (text) => {
    if (!text.includes(`${NAME} `)) return text;
    printed ??= replacing(names(), invocation(here()));
    return printed(text);
  };
}

function replacing(names: readonly string[], program: string): (text: string) => string {
  if (program === NAME) return (text) => text;
  const before = String.raw`(?:^[ \t]*|[.:;,] |[("]|\b(?:but|from|mean|with) )`;
  const after = String.raw`(?: (?:--help|\[options\]|(?:${names.join('|')})(?![\w/-]|\.\w)))`;
  const command = new RegExp(`(?<=${before})${NAME}(?=${after})`, 'gm');
  return (text) => text.replace(command, () => program);
}
