/**
 * What of a message is its text, its HTML and its attachments, as a mail reader would decide: the
 * first text and the first HTML that are no attachments; everything else with a name or a type of
 * its own is an attachment, unless the HTML shows it.
 */
import { walkTree } from './mime-tree.ts';
import type { MimeNode } from './mime-tree.ts';

export interface DisplayParts {
  readonly text: MimeNode | null;
  readonly html: MimeNode | null;
  readonly attachments: readonly MimeNode[];
}

export function displayParts(root: MimeNode): DisplayParts {
  const leaves = [...leavesOf(root)];
  const text = leaves.find((leaf) => isBody(leaf, 'text/plain')) ?? null;
  const html = leaves.find((leaf) => isBody(leaf, 'text/html')) ?? null;
  const attachments = leaves.filter(
    (leaf) => leaf !== text && leaf !== html && isAttachment(leaf, html !== null),
  );
  return { text, html, attachments };
}

/** Parts that hold content; an embedded message is one, whatever it consists of. */
function* leavesOf(node: MimeNode): Iterable<MimeNode> {
  if (node.contentType.startsWith('multipart/')) {
    for (const child of node.children) yield* leavesOf(child);
  } else {
    yield node;
  }
}

function isBody(leaf: MimeNode, contentType: string): boolean {
  return leaf.contentType === contentType && leaf.disposition !== 'attachment' && !leaf.filename;
}

function isAttachment(leaf: MimeNode, hasHtml: boolean): boolean {
  if (leaf.disposition === 'attachment') return true;
  const isShownInline = hasHtml && leaf.contentId !== null && leaf.contentType.startsWith('image/');
  if (isShownInline) return false;
  if (leaf.filename !== null && leaf.filename !== '') return true;
  return !leaf.contentType.startsWith('text/') && leaf.end > leaf.bodyStart;
}

/** The part of an inline image by its Content-ID. */
export function partByContentId(root: MimeNode, contentId: string): MimeNode | null {
  for (const node of walkTree(root)) if (node.contentId === contentId) return node;
  return null;
}

export function partByPath(root: MimeNode, path: string): MimeNode | null {
  for (const node of walkTree(root)) if (node.path === path) return node;
  return null;
}

const EXTENSIONS: Readonly<Record<string, string>> = {
  'application/pdf': 'pdf',
  'application/zip': 'zip',
  'application/json': 'json',
  'image/gif': 'gif',
  'image/jpeg': 'jpg',
  'image/png': 'png',
  'image/svg+xml': 'svg',
  'image/webp': 'webp',
  'message/rfc822': 'eml',
  'text/calendar': 'ics',
  'text/csv': 'csv',
  'text/html': 'html',
  'text/plain': 'txt',
};

const NAME_CHARS_MAX = 150;

/** A name to download a part by: its own, made harmless, or one made from its place and type. */
export function downloadName(node: MimeNode): string {
  const own = (node.filename ?? '')
    .replace(/[\p{Cc}\p{Cf}/\\:]/gu, '_')
    .replace(/^\.+/, '')
    .trim();
  if (own !== '') return own.length > NAME_CHARS_MAX ? shortened(own) : own;
  return `part-${node.path}.${EXTENSIONS[node.contentType] ?? 'bin'}`;
}

/** The end of a name is kept: it says what it is. */
function shortened(name: string): string {
  const dot = name.lastIndexOf('.');
  const extension = dot > 0 && name.length - dot <= 10 ? name.slice(dot) : '';
  return `${name.slice(0, NAME_CHARS_MAX - extension.length)}${extension}`;
}
