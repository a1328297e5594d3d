/**
 * The MIME structure of a message as offsets into its bytes: nothing is decoded or copied until
 * somebody looks at a part. Made for whatever arrives: broken structure never throws, it becomes a
 * problem in words, and nesting, parts and work are bounded.
 *
 * Source: RFC 2045, RFC 2046 §5.1.
 */
import { parseParameters } from '../mail/mime/parameters.ts';
import { headerValue, readHeaderList } from './header-list.ts';
import type { HeaderLine } from './header-list.ts';

const DEPTH_MAX = 32;
const PARTS_MAX = 1_000;
/** Of a Content-Type or Content-Disposition. */
const PARAMETERS_CHARS_MAX = 2_048;
/** Bytes searched for boundaries, as a multiple of the message: nested parts are searched again. */
const SEARCH_FACTOR_MAX = 12;
const SEARCH_BYTES_MIN = 1024 * 1024;

export interface MimeNode {
  /** Dotted: the message is `1`, its second part `1.2`. */
  readonly path: string;
  readonly depth: number;
  /** Lower case; `text/plain` when nothing is said. */
  readonly contentType: string;
  readonly charset: string | null;
  /** Lower case. */
  readonly encoding: string | null;
  readonly disposition: string | null;
  readonly filename: string | null;
  /** Without angle brackets. */
  readonly contentId: string | null;
  readonly headers: readonly HeaderLine[];
  /** Of the part with its header. */
  readonly start: number;
  readonly bodyStart: number;
  readonly end: number;
  readonly children: readonly MimeNode[];
}

export interface MimeTree {
  readonly root: MimeNode;
  readonly problems: readonly string[];
}

interface Work {
  readonly data: Buffer;
  readonly problems: Set<string>;
  parts: number;
  searched: number;
  readonly searchMax: number;
}

export function parseMimeTree(bytes: Uint8Array): MimeTree {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const work: Work = {
    ...{ data, problems: new Set(), parts: 0, searched: 0 },
    searchMax: Math.max(data.byteLength * SEARCH_FACTOR_MAX, SEARCH_BYTES_MIN),
  };
  const root = parseNode(
    work,
    { start: 0, end: data.byteLength, path: '1', depth: 0 },
    'text/plain',
  );
  return { root, problems: [...work.problems] };
}

/** Every node, parents before their children. */
export function* walkTree(node: MimeNode): Iterable<MimeNode> {
  yield node;
  for (const child of node.children) yield* walkTree(child);
}

interface Range {
  readonly start: number;
  readonly end: number;
  readonly path: string;
  readonly depth: number;
}

function parseNode(work: Work, range: Range, defaultType: string): MimeNode {
  const { start, end, path, depth } = range;
  work.parts++;
  const { fields, bodyStart, problem } = readHeaderList(work.data.subarray(start, end));
  if (problem !== null) work.problems.add(depth === 0 ? problem : `part ${path}: ${problem}`);
  const type = parameterized(fields, 'content-type');
  const disposition = parameterized(fields, 'content-disposition');
  const contentType = validType(type?.value) ?? defaultType;
  const node = {
    ...{ path, depth, contentType, headers: fields, start, bodyStart: start + bodyStart, end },
    charset: type?.parameters.get('charset') ?? null,
    encoding: headerValue(fields, 'content-transfer-encoding')?.trim().toLowerCase() || null,
    disposition: disposition?.value.toLowerCase() || null,
    filename: disposition?.parameters.get('filename') ?? type?.parameters.get('name') ?? null,
    contentId: headerValue(fields, 'content-id')?.replace(/^<|>$/g, '') ?? null,
  };
  return { ...node, children: childrenOf(work, node, type?.parameters.get('boundary')) };
}

function childrenOf(
  work: Work,
  node: Omit<MimeNode, 'children'>,
  boundary: string | undefined,
): MimeNode[] {
  const { contentType, bodyStart, end, path, depth } = node;
  const isMultipart = contentType.startsWith('multipart/');
  const isMessage = contentType === 'message/rfc822' && isPlain(node.encoding);
  if (!isMultipart && !isMessage) return [];
  if (depth >= DEPTH_MAX) {
    work.problems.add(`parts nested deeper than ${DEPTH_MAX} are not shown`);
    return [];
  }
  if (isMessage) {
    if (work.parts >= PARTS_MAX) return tooMany(work);
    return [
      parseNode(work, { start: bodyStart, end, path: `${path}.1`, depth: depth + 1 }, 'text/plain'),
    ];
  }
  if (boundary === undefined || boundary === '') {
    work.problems.add(`part ${path}: ${contentType} names no boundary`);
    return [];
  }
  const defaultType = contentType === 'multipart/digest' ? 'message/rfc822' : 'text/plain';
  const children: MimeNode[] = [];
  for (const [start, partEnd] of splitParts(work, node, boundary)) {
    if (work.parts >= PARTS_MAX) return [...children, ...tooMany(work)];
    const child = `${path}.${children.length + 1}`;
    children.push(
      parseNode(work, { start, end: partEnd, path: child, depth: depth + 1 }, defaultType),
    );
  }
  return children;
}

function tooMany(work: Work): [] {
  work.problems.add(`parts after the ${PARTS_MAX}th are not shown`);
  return [];
}

/** Start and end of each part between the boundaries. */
function* splitParts(
  work: Work,
  node: Omit<MimeNode, 'children'>,
  boundary: string,
): Iterable<readonly [number, number]> {
  const { path, bodyStart, end } = node;
  const delimiter = Buffer.from(`--${boundary}`, 'latin1');
  let partStart = -1;
  for (let at = bodyStart; ;) {
    const found = findDelimiter(work, delimiter, at, end);
    if (found === null) break;
    if (partStart >= 0) yield [partStart, Math.max(partStart, found.start)];
    if (found.isLast) return;
    partStart = found.after;
    at = found.after;
  }
  if (partStart < 0) {
    work.problems.add(`part ${path}: its boundary does not occur`);
    return;
  }
  work.problems.add(`part ${path}: its last boundary is missing`);
  yield [partStart, end];
}

interface Delimiter {
  /** Where the part before it ends, the line end in front of it not included. */
  readonly start: number;
  readonly after: number;
  readonly isLast: boolean;
}

function findDelimiter(work: Work, delimiter: Buffer, from: number, end: number): Delimiter | null {
  const { data } = work;
  for (let at = from; at < end;) {
    if (work.searched > work.searchMax) {
      work.problems.add('the parts are nested in a way that takes too long to follow');
      return null;
    }
    const found = data.indexOf(delimiter, at);
    work.searched += (found < 0 || found >= end ? end : found) - at;
    if (found < 0 || found + delimiter.length > end) return null;
    at = found + delimiter.length;
    if (found > from && data[found - 1] !== LF) continue;
    const isLast = data[at] === DASH && data[at + 1] === DASH;
    const lineEnd = data.indexOf(LF, at);
    const restEnd = lineEnd < 0 || lineEnd > end ? end : lineEnd;
    const rest = data.toString('latin1', isLast ? at + 2 : at, Math.min(restEnd, at + 100));
    if (rest.trim() !== '') continue;
    const after = lineEnd < 0 || lineEnd > end ? end : lineEnd + 1;
    return { start: partEnd(data, found, from), after, isLast };
  }
  return null;
}

const LF = 10;
const CR = 13;
const DASH = 45;

/** The line end before a delimiter belongs to the delimiter. */
function partEnd(data: Buffer, found: number, from: number): number {
  let end = found;
  if (end > from && data[end - 1] === LF) end--;
  if (end > from && data[end - 1] === CR) end--;
  return end;
}

function parameterized(
  fields: readonly HeaderLine[],
  name: string,
): ReturnType<typeof parseParameters> | null {
  const field = fields.find((each) => each.name.toLowerCase() === name);
  return field ? parseParameters(field.raw.slice(0, PARAMETERS_CHARS_MAX)) : null;
}

function validType(value: string | undefined): string | null {
  const type = value?.toLowerCase().trim();
  return type !== undefined && /^[\w.+-]+\/[\w.+-]+$/.test(type) ? type : null;
}

function isPlain(encoding: string | null): boolean {
  return encoding === null || ['7bit', '8bit', 'binary'].includes(encoding);
}
