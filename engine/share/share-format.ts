/**
 * The shared file's layout: names of its entries and its bounds. The file is a zip, so that a
 * stranger can read it without us; what the entries hold is in `share-schemas.ts`.
 *
 * Source: `docs/reference/share-file.md`.
 */

export const FORMAT = 'postyard-share';
/** Grows when a reader of the one before would misunderstand the file. */
export const FORMAT_VERSION = 1;
export const FILE_ENDING = '.postyard';

/** Recipient rows of one file. More: refused, with how many there are. */
export const ROWS_MAX = 1_000;
/** Bytes of one message. Longer: refused. */
export const MESSAGE_BYTES_MAX = 128 * 1024 * 1024;
/** Bytes of all messages together. More: refused. */
export const MESSAGES_BYTES_MAX = 256 * 1024 * 1024;
/** Bytes of the manifest, and of each JSON entry of a row. */
export const JSON_BYTES_MAX = 16 * 1024 * 1024;
/** Bytes of all JSON entries, records and policy texts. */
export const TEXTS_BYTES_MAX = 256 * 1024 * 1024;
export const RECORDS_MAX = 50_000;
export const RECORDS_BYTES_MAX = 64 * 1024 * 1024;
export const ENTRIES_MAX = 8_000;
/** Bytes of the file itself. */
export const FILE_BYTES_MAX = 512 * 1024 * 1024;

export const MANIFEST = 'manifest.json';
export const RECORDS = 'records.jsonl';
export const ROUTES = 'routes.json';
export const README = 'README.txt';
export const rowEntry = (seq: number, what: 'detail' | 'journey' | 'attempts'): string =>
  `rows/${seq}/${what}.json`;
export const messageEntry = (seq: number): string => `messages/${seq}.eml`;
export const originalEntry = (seq: number): string => `messages/${seq}.original.eml`;
/** Policy texts keep their path below the workspace. */
export const policyEntry = (path: string): string => `workspace/${path}`;
