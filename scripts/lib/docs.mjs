// @ts-check
// The parts of documents that are written from the code.

/**
 * @typedef {{ name: string, brief(): string, options: { parse(value: object): Record<string, unknown> } }} Trick
 */

const START = '<!-- tricks -->';
const END = '<!-- end of tricks -->';

/**
 * README.md with its table of tricks written anew.
 * @param {string} readme
 * @param {readonly Trick[]} tricks
 * @throws where the place of the table is not marked
 */
export function withTrickTable(readme, tricks) {
  const start = readme.indexOf(START);
  const end = readme.indexOf(END);
  if (start < 0 || end < start) throw new Error(`README.md has no ${START} ... ${END}`);
  return `${readme.slice(0, start + START.length)}\n${trickTable(tricks)}\n${readme.slice(end)}`;
}

/** @param {readonly Trick[]} tricks */
function trickTable(tricks) {
  return [
    '| trick | what it does | options, with their defaults |',
    '| --- | --- | --- |',
    ...tricks.map((trick) =>
      `| \`${trick.name}\` | ${trick.brief()} | ${optionsOf(trick)} |`.replace(/ {2}\|$/, ' |'),
    ),
  ].join('\n');
}

/**
 * An option that only a person can give has no default worth showing.
 * @param {Trick} trick
 */
function optionsOf({ options }) {
  return Object.entries(options.parse({}))
    .map(([name, value]) => (value === '' ? `\`${name}\`` : `\`${name}: ${value}\``))
    .join(', ');
}
