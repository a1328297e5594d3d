/**
 * The list as text, in and out: CSV with a header line, or JSON. What was exported can be imported
 * again unchanged. Lists from elsewhere need nothing but addresses: a column of them is enough.
 */
import type { EpochMs } from '../base/clock.ts';
import { toError } from '../base/assert.ts';
import { csvLine, readCsv } from './csv.ts';
import { ORIGINS, normalizeRecipient, normalizeSendingDomain } from './entry.ts';
import type { NewEntry, Origin, SuppressionEntry } from './entry.ts';

export type ListFormat = 'csv' | 'json';

export interface ImportSource {
  readonly format: ListFormat;
  readonly text: string;
  /** Name of the file; entries say `name:line`. */
  readonly label: string;
  readonly nowMs: EpochMs;
}

/** A line that is no entry. */
export interface RefusedLine {
  readonly line: number;
  readonly text: string;
  readonly why: string;
}

export interface ReadImport {
  readonly entries: readonly NewEntry[];
  readonly refused: readonly RefusedLine[];
}

type Fields = Readonly<Partial<Record<Column, string>>>;
type Column = (typeof COLUMNS)[number];

const COLUMNS = [
  'recipient',
  'sending_domain',
  'reason',
  'origin',
  'since',
  'source',
  'hits',
] as const;

/** Names that other programs give to the columns. */
const ALIASES: Readonly<Record<string, Column>> = {
  email: 'recipient',
  'e-mail': 'recipient',
  address: 'recipient',
  email_address: 'recipient',
  domain: 'sending_domain',
  sender_domain: 'sending_domain',
  sendingdomain: 'sending_domain',
  created: 'since',
  created_at: 'since',
  since_ms: 'since',
  description: 'reason',
};

const LINE_CHARS_MAX = 200;

/** @throws {Error} the text as a whole is not of this format */
export function readImport(source: ImportSource): ReadImport {
  const lines = source.format === 'csv' ? csvFields(source.text) : jsonFields(source.text);
  const entries: NewEntry[] = [];
  const refused: RefusedLine[] = [];
  for (const { line, fields, text } of lines) {
    try {
      entries.push(entryOf(fields, line, source));
    } catch (error) {
      refused.push({ line, text: text.slice(0, LINE_CHARS_MAX), why: toError(error).message });
    }
  }
  return { entries, refused };
}

/** The text that goes before the first entry, and after the last one. */
export function exportFrame(format: ListFormat): { readonly head: string; readonly foot: string } {
  return format === 'csv' ? { head: csvLine(COLUMNS), foot: '' } : { head: '[', foot: '\n]\n' };
}

/** Entries as text; `isFirst` when none was written before them. */
export function exportEntries(
  entries: readonly SuppressionEntry[],
  format: ListFormat,
  isFirst: boolean,
): string {
  if (format === 'csv')
    return entries.map((entry) => csvLine(COLUMNS.map((name) => fieldsOf(entry)[name]))).join('');
  const lines = entries.map((entry) => `\n  ${JSON.stringify(fieldsOf(entry))}`).join(',');
  return isFirst || entries.length === 0 ? lines : `,${lines}`;
}

function fieldsOf(entry: SuppressionEntry): Record<Column, string> {
  return {
    recipient: entry.recipient,
    sending_domain: entry.sendingDomain,
    reason: entry.reason,
    origin: entry.origin,
    since: new Date(entry.sinceMs).toISOString(),
    source: entry.source,
    hits: String(entry.hits),
  };
}

interface Line {
  readonly line: number;
  readonly fields: Fields;
  readonly text: string;
}

function* csvFields(text: string): Generator<Line> {
  let columns: readonly (Column | undefined)[] = ['recipient', 'sending_domain', 'reason'];
  let isFirst = true;
  for (const { line, cells } of readCsv(text)) {
    const named = cells.map(columnOf);
    const isHeader = isFirst && named.includes('recipient');
    isFirst = false;
    if (isHeader) columns = named;
    else yield { line, fields: joined(columns, cells), text: cells.join(',') };
  }
}

function joined(columns: readonly (Column | undefined)[], cells: readonly string[]): Fields {
  const fields: Partial<Record<Column, string>> = {};
  for (const [index, cell] of cells.entries()) {
    const column = columns[index];
    if (column !== undefined) fields[column] = cell;
  }
  return fields;
}

/** A list of addresses, of objects, or an object that has such a list as `entries`. */
function* jsonFields(text: string): Generator<Line> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`Cannot read the list: ${toError(error).message}`, { cause: error });
  }
  const list = isObject(value) ? value['entries'] : value;
  if (!Array.isArray(list))
    throw new Error('Cannot read the list: found no array, expected addresses or objects in one');
  for (const [index, item] of (list as unknown[]).entries()) {
    const fields = isObject(item) ? objectFields(item) : { recipient: String(item) };
    yield { line: index + 1, fields, text: JSON.stringify(item) };
  }
}

function objectFields(item: Readonly<Record<string, unknown>>): Fields {
  const fields: Partial<Record<Column, string>> = {};
  for (const [name, value] of Object.entries(item)) {
    const column = columnOf(name.replace(/([a-z])([A-Z])/g, '$1_$2'));
    if (column !== undefined && (typeof value === 'string' || typeof value === 'number'))
      fields[column] = String(value);
  }
  return fields;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function columnOf(name: string): Column | undefined {
  const plain = name.trim().toLowerCase().replaceAll(' ', '_');
  return COLUMNS.find((column) => column === plain) ?? ALIASES[plain];
}

function entryOf(fields: Fields, line: number, source: ImportSource): NewEntry {
  const origin = fields.origin ?? '';
  return {
    recipient: normalizeRecipient(fields.recipient ?? ''),
    sendingDomain: normalizeSendingDomain(fields.sending_domain ?? ''),
    reason: fields.reason ?? '',
    origin: (ORIGINS as readonly string[]).includes(origin) ? (origin as Origin) : 'import',
    sinceMs: timeOf(fields.since ?? '') ?? source.nowMs,
    source: fields.source ?? `${source.label}:${line}`,
    recordSeq: null,
    rowSeq: null,
  };
}

/** A date as text, or seconds or milliseconds since the epoch; null for anything else. */
function timeOf(text: string): EpochMs | null {
  if (text === '') return null;
  const number = Number(text);
  if (Number.isFinite(number)) return number < 1e11 ? number * 1000 : number;
  const time = Date.parse(text);
  return Number.isNaN(time) ? null : time;
}
