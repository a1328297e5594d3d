/**
 * A message from its texts and attachments: alternatives inside related parts inside mixed ones,
 * each layer only where it is needed.
 *
 * Source: reference `http-logs-reception.md` §1.5, `lua-api.md` §3.19.
 */
import type { EpochMs } from '../../base/clock.ts';
import { uuidV4 } from '../../base/ids.ts';
import type { Random } from '../../base/random.ts';
import { formatRfc2822 } from '../date.ts';
import { mimeHeader } from './headers.ts';
import { MimePart } from './part.ts';

export interface MessageContent {
  readonly text: string | null;
  readonly html: string | null;
  readonly ampHtml: string | null;
  /** Already built; inline ones belong to the HTML. */
  readonly attachments: readonly { readonly part: MimePart; readonly isInline: boolean }[];
}

export interface BoundarySource {
  next(): string;
}

/** Boundaries as KumoMTA makes them: base64 of a UUID. Stable ones differ by a number only. */
export function boundarySource(random: Random | 'stable'): BoundarySource {
  let count = 0;
  return {
    next: () => {
      if (random === 'stable') return `ma-boundary-${count++}`;
      const bytes = Buffer.from(uuidV4(random).replaceAll('-', ''), 'hex');
      return bytes.toString('base64').replace(/=+$/, '');
    },
  };
}

/** The parts of a message, without its other header fields. */
export function buildContent(content: MessageContent, boundaries: BoundarySource): MimePart {
  const mixed = content.attachments.filter((a) => !a.isInline).map((a) => a.part);
  const related = content.attachments.filter((a) => a.isInline).map((a) => a.part);
  const outer = mixed.length > 0 ? boundaries.next() : null;
  const middle = related.length > 0 ? boundaries.next() : null;
  let part = alternatives(content, boundaries);
  if (middle !== null) part = MimePart.multipart('multipart/related', [part, ...related], middle);
  if (outer !== null) part = MimePart.multipart('multipart/mixed', [part, ...mixed], outer);
  return part;
}

function alternatives(content: MessageContent, boundaries: BoundarySource): MimePart {
  const parts: MimePart[] = [];
  if (content.text !== null) parts.push(MimePart.text('text/plain', content.text));
  if (content.ampHtml !== null) parts.push(MimePart.text('text/x-amp-html', content.ampHtml));
  if (content.html !== null) parts.push(MimePart.text('text/html', content.html));
  const [only] = parts;
  if (only && parts.length === 1) return only;
  if (!only) return MimePart.text('text/plain', '');
  return MimePart.multipart('multipart/alternative', parts, boundaries.next());
}

/** Adds Mime-Version, and Date unless `dateMs` is null, where they are missing. */
export function completeHeaders(message: MimePart, dateMs: EpochMs | null): void {
  if (!message.headers.has('Mime-Version'))
    message.headers.append(mimeHeader('Mime-Version', '1.0'));
  if (dateMs !== null && !message.headers.has('Date')) {
    message.headers.append(mimeHeader('Date', formatRfc2822(dateMs)));
  }
}
