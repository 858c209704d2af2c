import * as l10n from '@vscode/l10n';
import { CsvError, parse } from 'csv-parse';
import { messageOf } from '../../shared/failure';
import { UserError } from '../../shared/userError';
import { isSystemError } from '../../system/errors';
import { openRegular } from '../../system/regularFiles';

/** A row: its first line, counted from 1, and its trimmed values. */
export interface CsvRow {
  readonly line: number;
  readonly values: readonly string[];
}

/** How much of a file is searched for its separator. No header is longer. */
const HEADER_BYTES = 1 << 16;
/** A longer row has an unclosed quote. */
const MAX_ROW_BYTES = 1 << 20;

const SEPARATORS = [',', ';', '\t'] as const;

/**
 * Yields a table's rows, header first. The separator is whichever of comma, semicolon and tab is most frequent in the
 * header. Skips empty lines.
 *
 * @param onRead called with the fraction of the file that has been read
 * @throws UserError if the file does not exist or is not a table; the signal's reason if aborted
 */
export async function* csvRows(
  path: string,
  signal?: AbortSignal,
  onRead?: (share: number) => void,
): AsyncGenerator<CsvRow> {
  signal?.throwIfAborted();
  const { header, bytes } = await startOf(path);
  const delimiter = separatorOf(header);
  const parser = parse({
    bom: true,
    delimiter,
    relax_column_count: true,
    // Tabs that act as separators must not be trimmed.
    trim: delimiter !== '\t',
    max_record_size: MAX_ROW_BYTES,
  });
  const file = (await openRegular(path)).createReadStream();
  file.on('error', (error) => parser.destroy(error));
  file.pipe(parser);
  // Counts lines here, because the parser's own line count is slower than all its other work. See docs/performance.md.
  let line = 1;
  try {
    for await (const record of parser as AsyncIterable<string[]>) {
      signal?.throwIfAborted();
      const at = line;
      line += 1;
      for (const value of record) if (value.includes('\n')) line += value.split('\n').length - 1;
      const values = record.map((value) => value.trim());
      if (values.some((value) => value.includes('\ufffd'))) throw notUtf8(path, at);
      if (values.every((value) => value === '')) continue;
      onRead?.(bytes === 0 ? 1 : file.bytesRead / bytes);
      yield { line: at, values };
    }
  } catch (error) {
    throw error instanceof CsvError ? badTable(path, error) : error;
  } finally {
    file.destroy();
    parser.destroy();
  }
}

async function startOf(path: string): Promise<{ header: string; bytes: number }> {
  try {
    const file = await openRegular(path);
    try {
      const buffer = Buffer.alloc(HEADER_BYTES);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
      const start = buffer.subarray(0, bytesRead);
      if (isUtf16(start)) throw notUtf8(path, 1);
      return { header: start.toString('utf8'), bytes: (await file.stat()).size };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    const remedy = l10n.t("Change data.path. It is relative to the experiment file's folder.");
    if (isSystemError(error, 'ENOENT'))
      throw new UserError({ what: l10n.t('The table {0} does not exist.', path), remedy }, { cause: error });
    if (isSystemError(error, 'EISDIR'))
      throw new UserError(
        { what: l10n.t('{0} is a folder, not a table.', path), remedy: l10n.t('Specify the file in it.') },
        { cause: error },
      );
    throw new UserError(
      { what: l10n.t('The table {0} cannot be read: {1}', path, messageOf(error)), remedy },
      { cause: error },
    );
  }
}

function isUtf16(start: Uint8Array): boolean {
  return (start[0] === 0xff && start[1] === 0xfe) || (start[0] === 0xfe && start[1] === 0xff);
}

/** Returns the most frequent separator in the first line, outside of quotes; a comma if there is none. */
function separatorOf(text: string): (typeof SEPARATORS)[number] {
  const counts = new Map<string, number>();
  let isQuoted = false;
  for (const character of text.replace(/^\ufeff?\s+/, '')) {
    if (character === '"') isQuoted = !isQuoted;
    else if (!isQuoted && (character === '\n' || character === '\r')) break;
    else if (!isQuoted) counts.set(character, (counts.get(character) ?? 0) + 1);
  }
  const count = (separator: string) => counts.get(separator) ?? 0;
  return SEPARATORS.reduce((most, separator) => (count(separator) > count(most) ? separator : most));
}

function notUtf8(path: string, line: number): UserError {
  return new UserError({
    what: l10n.t('{0}, line {1}: the table is not UTF-8.', path, line),
    remedy: l10n.t('Save it as UTF-8. In Excel, choose "CSV UTF-8".'),
  });
}

function badTable(path: string, error: CsvError): UserError {
  const line = 'lines' in error && typeof error.lines === 'number' ? error.lines : 1;
  return new UserError(
    {
      what: l10n.t('{0}, line {1}: the table cannot be read: {2}', path, line, error.message),
      remedy: l10n.t('Check the quotes near this line. Write a quote inside a value twice.'),
    },
    { cause: error },
  );
}
