import * as l10n from '@vscode/l10n';
import { COMMAND_METRICS, type MetricNames } from '../../recipe/commandRecipe';
import type { Failure } from '../../shared/failure';
import { parseTable, rowNumbers, type Table } from './csvTable';
import { compilePattern } from './linearPattern';
import { namedReadings } from './metrics';
import type { OutputReader, Reading } from './reading';

const SEPARATORS = [',', ';', '\t', '|', ' '];

/**
 * Reads a CSV file whose columns a person named. The separator is the one that finds the most of these columns in the
 * first line. Other columns with numbers keep their names.
 */
export function namedColumns(metricNames: MetricNames): OutputReader {
  const readingOf = namedReadings(metricNames);
  const wanted = new Set(Object.values(metricNames.names));
  const read = (text: string): readonly Reading[] => {
    const end = text.indexOf('\n') + 1 || text.length;
    const found = SEPARATORS.map((separator) => {
      const { header } = parseTable(`${text.slice(0, end).trimEnd()}\n`, separator);
      return { separator, count: header.filter((name) => wanted.has(name)).length };
    });
    const best = found.reduce((most, each) => (each.count > most.count ? each : most));
    return best.count === 0 ? [] : tableReadings(parseTable(text, best.separator), readingOf);
  };
  return { from: 'whole', read };
}

function tableReadings(
  { header, rows }: Table,
  readingOf: (numbers: ReadonlyMap<string, number>) => Reading | null,
): Reading[] {
  return rows.flatMap((row) => readingOf(rowNumbers(header, row)) ?? []);
}

/** The names of a pattern's groups are the metrics. */
const GROUP_NAMES = Object.fromEntries(COMMAND_METRICS.map((name) => [name, name]));

/**
 * Reads lines with a regular expression, whose named groups are metrics. Other named groups keep their names. It sees the
 * first 8,192 characters of a line, and takes linear time.
 *
 * @param pattern without a `patternProblem`. Otherwise it reads nothing.
 */
export function namedGroups(pattern: string, percent: boolean, firstEpoch: 0 | 1): OutputReader {
  const compiled = compilePattern(pattern);
  const readingOf = namedReadings({ names: GROUP_NAMES, percent, firstEpoch });
  const read = (line: string): readonly Reading[] => {
    const groups = compiled.ok ? compiled.pattern.find(line) : null;
    if (groups === null) return [];
    const reading = readingOf(rowNumbers([...groups.keys()], [...groups.values()]));
    return reading === null ? [] : [reading];
  };
  return { from: 'lines', read };
}

/** What is wrong with a pattern for the lines of an output; null if it can be used. */
export function patternProblem(pattern: string): Failure | null {
  const compiled = compilePattern(pattern);
  if (!compiled.ok) return compiled.failure;
  const isMetric = (name: string) => COMMAND_METRICS.some((metric) => metric === name);
  if (compiled.pattern.names.some(isMetric)) return null;
  return {
    what: l10n.t('The pattern has no group with the name of a metric.'),
    remedy: l10n.t('Name a group, such as (?<loss>[0-9.]+). The names are: {0}.', COMMAND_METRICS.join(', ')),
  };
}
