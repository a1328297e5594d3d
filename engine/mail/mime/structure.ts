/**
 * The parts of a message that readers see: its text, its HTML, its attachments.
 *
 * Source: reference `lua-api.md` §3.19.
 */
import type { MimePart } from './part.ts';

export interface Attachment {
  readonly fileName: string | null;
  readonly isInline: boolean;
  readonly contentId: string | null;
  readonly contentType: string;
  readonly part: MimePart;
}

export interface SimpleStructure {
  readonly textPart: MimePart | null;
  readonly htmlPart: MimePart | null;
  readonly ampHtmlPart: MimePart | null;
  readonly headerPart: MimePart;
  readonly attachments: readonly Attachment[];
}

/** Walks the tree: the first plain text and the first HTML count, everything else is attached. */
export function simpleStructure(message: MimePart): SimpleStructure {
  const found = {
    text: null as MimePart | null,
    html: null as MimePart | null,
    amp: null as MimePart | null,
    attachments: [] as Attachment[],
  };
  const visit = (part: MimePart): void => {
    if (part.isMultipart) {
      part.parts.forEach(visit);
      return;
    }
    const attachment = attachmentOf(part);
    const type = part.contentType;
    if (attachment?.isInline === false) found.attachments.push(attachment);
    else if (type === 'text/plain' && !found.text) found.text = part;
    else if (type === 'text/html' && !found.html) found.html = part;
    else if (type === 'text/x-amp-html' && !found.amp) found.amp = part;
    else found.attachments.push(attachment ?? plainAttachment(part));
  };
  visit(message);
  return {
    textPart: found.text,
    htmlPart: found.html,
    ampHtmlPart: found.amp,
    headerPart: message,
    attachments: found.attachments,
  };
}

/** What Content-Disposition and the names say; null when the part is not attached. */
export function attachmentOf(part: MimePart): Attachment | null {
  const disposition = part.headers.parameterized('Content-Disposition');
  const type = part.headers.parameterized('Content-Type');
  const fileName = disposition?.parameters.get('filename') ?? type?.parameters.get('name') ?? null;
  if (!disposition && fileName === null) return null;
  return {
    ...plainAttachment(part),
    fileName,
    isInline: disposition?.value.toLowerCase() === 'inline',
  };
}

function plainAttachment(part: MimePart): Attachment {
  const id = part.headers.firstText('Content-ID');
  return {
    fileName: null,
    isInline: true,
    contentId: id === undefined ? null : id.replace(/^<|>$/g, ''),
    contentType: part.contentType,
    part,
  };
}
