import type { CommandSystem, MetricsSource } from '../../recipe/commandRecipe';
import { assertNever } from '../../shared/assertNever';
import { parseTable } from './csvTable';
import { FirstTold } from './firstTold';
import { huggingFaceOutput, trainerState } from './huggingFaceOutput';
import { jsonLines } from './jsonLines';
import { kerasLog } from './kerasOutput';
import { isLightningHeader, lightningMetrics } from './lightningOutput';
import { mmengineScalars, mmengineSources } from './mmengineOutput';
import { namedColumns, namedGroups } from './namedColumns';
import type { OutputReader, OutputSource, Reading } from './reading';
import { EVENT_FILES, namedTags, tensorBoard } from './tensorBoardOutput';
import { isTimmHeader, timmLog, timmSources, timmSummary } from './timmOutput';
import { torchvisionOutput, torchvisionSources } from './torchvisionOutput';

/**
 * Returns where a command trainer writes metrics, and how to read each place.
 *
 * @param averaged whether timm's train.py evaluates a moving average (see `timmSources`)
 */
export function sourcesOf(
  system: CommandSystem,
  metrics: MetricsSource,
  averaged = false,
): readonly OutputSource[] {
  switch (metrics.kind) {
    case 'auto':
      return systemSources(system, averaged);
    case 'csv':
      return [{ where: { files: belowRun(metrics.path) }, reader: () => namedColumns(metrics) }];
    case 'stdout': {
      const { pattern, percent, firstEpoch } = metrics;
      return [{ where: 'output', reader: () => namedGroups(pattern, percent, firstEpoch) }];
    }
    case 'json_lines':
      return [
        { where: metrics.path === null ? 'output' : { files: belowRun(metrics.path) }, reader: jsonLines },
      ];
    case 'tensorboard':
      return [
        {
          where: {
            files: [belowRun(metrics.path), '**', EVENT_FILES].filter((part) => part !== '').join('/'),
          },
          reader: () => namedTags(metrics),
        },
      ];
    default:
      return assertNever(metrics);
  }
}

/** Returns a path without a dot at its start and a slash at its end. The run's folder itself is empty. */
function belowRun(path: string): string {
  return path
    .split('/')
    .filter((part, index) => part !== '.' && (part !== '' || index === 0))
    .join('/');
}

function systemSources(system: CommandSystem, averaged: boolean): readonly OutputSource[] {
  switch (system) {
    case 'timm':
      return timmSources(averaged);
    case 'torchvision':
      return torchvisionSources();
    case 'mmpretrain':
      return mmengineSources();
    case 'generic':
      return recognizedSources();
    default:
      return assertNever(system);
  }
}

/**
 * Returns every place where a known format may be. Each reader takes only lines and files with the exact form of its
 * format. A metric in two formats, such as Keras' CSV and event files, is read from the one that has it first.
 */
function recognizedSources(): readonly OutputSource[] {
  const told = new FirstTold();
  const files = (pattern: string, format: string, create: (path?: string) => OutputReader): OutputSource => ({
    where: { files: pattern },
    reader: (path) => told.only(format, create(path)),
  });
  return [
    {
      where: 'output',
      reader: () =>
        eachLine(
          told.only('json_lines', jsonLines()),
          told.only('timm', timmLog(false)),
          told.only('torchvision', torchvisionOutput()),
          told.only('hugging_face', huggingFaceOutput()),
        ),
    },
    { where: { files: '**/*.csv' }, reader: () => recognizedCsv(told) },
    files('**/vis_data/scalars.json', 'mmengine', mmengineScalars),
    files('**/trainer_state.json', 'hugging_face', trainerState),
    files(`**/${EVENT_FILES}`, 'tensorboard', tensorBoard),
  ];
}

/** Gives each line to all readers of lines. */
function eachLine(...readers: readonly OutputReader[]): OutputReader {
  const read = (line: string): Reading[] =>
    readers.flatMap((reader) => (reader.from === 'lines' ? reader.read(line) : []));
  return { from: 'lines', read };
}

/** Reads a CSV file of timm, Lightning or Keras by its first line. */
function recognizedCsv(told: FirstTold): OutputReader {
  const timm = told.only('timm', timmSummary(false));
  const lightning = told.only('lightning', lightningMetrics());
  const keras = told.only('keras', kerasLog());
  const read = (text: string): readonly Reading[] => {
    const { header } = parseTable(text.slice(0, text.indexOf('\n') + 1), ',');
    const reader = isTimmHeader(header) ? timm : isLightningHeader(header) ? lightning : keras;
    return reader.from === 'whole' ? reader.read(text) : [];
  };
  return { from: 'whole', read };
}
