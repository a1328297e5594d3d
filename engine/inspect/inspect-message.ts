/** What the window shows of a message, and what the index knows of it, made from its bytes. */
import type { HeaderLine } from './header-list.ts';
import { headerValue } from './header-list.ts';
import { displayParts, downloadName, partByContentId } from './display-parts.ts';
import { htmlText } from './html-text.ts';
import { parseMimeTree, walkTree } from './mime-tree.ts';
import type { MimeNode } from './mime-tree.ts';
import { decodedBytes, decodedLength, encodedBytes, partText } from './part-content.ts';
import type { PartText } from './part-content.ts';
import { RemoteContent } from './remote-content.ts';
import type { RemoteHost } from './remote-content.ts';
import { sanitizeMailHtml } from './sanitize.ts';

/** Encoded bytes of a text that are shown with the detail; the rest is behind the part. */
const TEXT_BYTES_MAX = 512 * 1024;
/** Encoded bytes of HTML that are shown unless the whole is asked for, and at most then. */
const HTML_BYTES_MAX = 1024 * 1024;
const HTML_WHOLE_BYTES_MAX = 16 * 1024 * 1024;
/** Tags that are shown: parsing time grows with the square of how deep they are nested. */
const HTML_TAGS_MAX = 50_000;
const HTML_WHOLE_TAGS_MAX = 150_000;
/** Encoded bytes that are indexed. */
const INDEX_BYTES_MAX = 256 * 1024;
/** Inline images become `data:` URLs: each, and all of a message. */
const INLINE_BYTES_MAX = 4 * 1024 * 1024;
const INLINE_TOTAL_BYTES_MAX = 16 * 1024 * 1024;

export interface PartInfo {
  readonly path: string;
  readonly depth: number;
  readonly contentType: string;
  readonly charset: string | null;
  readonly encoding: string | null;
  readonly disposition: string | null;
  readonly filename: string | null;
  readonly contentId: string | null;
  readonly encodedBytes: number;
  readonly decodedBytes: number;
}

export interface AttachmentInfo {
  readonly path: string;
  /** Safe as a file name. */
  readonly filename: string;
  readonly contentType: string;
  readonly sizeBytes: number;
}

export interface Inspection {
  readonly sizeBytes: number;
  readonly headers: readonly HeaderLine[];
  readonly subject: string;
  readonly messageId: string | null;
  readonly parts: readonly PartInfo[];
  readonly text: string | null;
  readonly isTextCut: boolean;
  readonly hasHtml: boolean;
  readonly htmlBytes: number;
  readonly attachments: readonly AttachmentInfo[];
  /** Hosts that the HTML would load from. */
  readonly remoteContent: readonly RemoteHost[];
  /** What is wrong with the message, or left out; in words. */
  readonly problems: readonly string[];
}

export function inspectMessage(data: Uint8Array): Inspection {
  const { root, problems } = parseMimeTree(data);
  const { text, html, attachments } = displayParts(root);
  const shownText = text ? partText(data, text, TEXT_BYTES_MAX) : null;
  const remote = new RemoteContent(null);
  if (html) {
    const shown = cutTags(partText(data, html, HTML_BYTES_MAX), HTML_TAGS_MAX);
    sanitizeMailHtml(shown.text, { remote, resolveCid: () => null });
  }
  return {
    sizeBytes: data.byteLength,
    headers: root.headers,
    subject: headerValue(root.headers, 'subject') ?? '',
    messageId: headerValue(root.headers, 'message-id'),
    parts: [...walkTree(root)].map((node) => partInfo(data, node)),
    text: shownText?.text ?? null,
    isTextCut: shownText?.isCut ?? false,
    hasHtml: html !== null,
    htmlBytes: html ? encodedBytes(data, html).byteLength : 0,
    attachments: attachments.map((node) => ({
      path: node.path,
      filename: downloadName(node),
      contentType: node.contentType,
      sizeBytes: decodedLength(data, node),
    })),
    remoteContent: remote.hosts(),
    problems,
  };
}

function partInfo(data: Uint8Array, node: MimeNode): PartInfo {
  const { path, depth, contentType, charset, encoding, disposition, filename, contentId } = node;
  return {
    ...{ path, depth, contentType, charset, encoding, disposition, filename, contentId },
    encodedBytes: encodedBytes(data, node).byteLength,
    decodedBytes: decodedLength(data, node),
  };
}

export interface HtmlView {
  /** Sanitised, a fragment. */
  readonly html: string;
  readonly isCut: boolean;
  readonly remoteContent: readonly RemoteHost[];
  /** Content of the message itself, when it has no HTML. */
  readonly isText: boolean;
}

export interface HtmlViewOptions {
  /** Hosts besides loopback that may be loaded from; null: nothing may. */
  readonly allowedHosts: readonly string[] | null;
  /** Show all of a large part. */
  readonly isWhole: boolean;
}

/** The HTML of a message for the preview frame; its text when it has none. */
export function htmlView(data: Uint8Array, options: HtmlViewOptions): HtmlView {
  const { root } = parseMimeTree(data);
  const { text, html } = displayParts(root);
  const max = options.isWhole ? HTML_WHOLE_BYTES_MAX : HTML_BYTES_MAX;
  if (!html) {
    const shown = text ? partText(data, text, max) : { text: '', isCut: false };
    const escaped = `<pre class="postyard-text">${escapeHtml(shown.text)}</pre>`;
    return { html: escaped, isCut: shown.isCut, remoteContent: [], isText: true };
  }
  const tagsMax = options.isWhole ? HTML_WHOLE_TAGS_MAX : HTML_TAGS_MAX;
  const shown = cutTags(partText(data, html, max), tagsMax);
  const remote = new RemoteContent(options.allowedHosts);
  const inline = new InlineImages(data, root);
  const clean = sanitizeMailHtml(shown.text, { remote, resolveCid: (cid) => inline.url(cid) });
  return { html: clean, isCut: shown.isCut, remoteContent: remote.hosts(), isText: false };
}

/** The HTML up to its last tag that is shown. */
function cutTags(html: PartText, max: number): PartText {
  const { text } = html;
  let at = -1;
  for (let count = 0; count <= max; count++) {
    at = text.indexOf('<', at + 1);
    if (at < 0) return html;
  }
  return { text: text.slice(0, at), isCut: true };
}

/** `cid:` images as `data:` URLs, as long as they are not too much. */
class InlineImages {
  readonly #data: Uint8Array;
  readonly #root: MimeNode;
  readonly #urls = new Map<string, string | null>();
  #bytes = 0;

  constructor(data: Uint8Array, root: MimeNode) {
    this.#data = data;
    this.#root = root;
  }

  url(contentId: string): string | null {
    const known = this.#urls.get(contentId);
    if (known !== undefined) return known;
    const url = this.#make(contentId);
    this.#urls.set(contentId, url);
    return url;
  }

  #make(contentId: string): string | null {
    const node = partByContentId(this.#root, contentId);
    if (!node?.contentType.startsWith('image/')) return null;
    const size = decodedLength(this.#data, node);
    this.#bytes += size;
    if (size > INLINE_BYTES_MAX || this.#bytes > INLINE_TOTAL_BYTES_MAX) return null;
    const bytes = decodedBytes(this.#data, node);
    const base64 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
    return `data:${node.contentType};base64,${base64}`;
  }
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
}

/** What the full-text index wants of a message. */
export interface IndexText {
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  readonly body: string;
  readonly hasAttachment: boolean;
}

export function indexText(data: Uint8Array): IndexText {
  const { root } = parseMimeTree(data);
  const { text, html, attachments } = displayParts(root);
  const field = (name: string): string => headerValue(root.headers, name) ?? '';
  const plain = text ? partText(data, text, INDEX_BYTES_MAX).text : '';
  const fromHtml =
    html && plain.trim() === '' ? htmlText(partText(data, html, INDEX_BYTES_MAX).text) : '';
  return {
    from: field('from'),
    to: `${field('to')} ${field('cc')}`,
    subject: field('subject'),
    body: plain.trim() === '' ? fromHtml : plain,
    hasAttachment: attachments.length > 0,
  };
}
