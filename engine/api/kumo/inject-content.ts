/**
 * The content of an injection: its templates compiled once per request, then expanded into one
 * message per recipient.
 *
 * Source: reference `http-logs-reception.md` §1.3 (5, 6), §1.4, §1.5.
 */
import type { EpochMs } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import { toError } from '../../base/assert.ts';
import { formatMailbox, parseAddrSpec } from '../../mail/address-list.ts';
import type { JsonObject } from '../../mail/json.ts';
import { boundarySource, buildContent, completeHeaders } from '../../mail/mime/builder.ts';
import { mimeHeader } from '../../mail/mime/headers.ts';
import { MimePart } from '../../mail/mime/part.ts';
import { rebuildMessage } from '../../mail/mime/rebuild.ts';
import { encodeHeaderText } from '../../mail/rfc2047.ts';
import { TemplateError } from '../../mail/template-error.ts';
import { compileTemplate } from '../../mail/template.ts';
import type { Template, TemplateDialect, TemplateSources } from '../../mail/template.ts';
import { decodeBase64 } from './base64.ts';
import { HttpProblem } from './http-problem.ts';
import type {
  InjectAttachment,
  InjectContent,
  InjectMailbox,
  InjectRequest,
} from './inject-request.ts';

export interface CompiledContent {
  /** The bytes of one recipient's message. @throws {Error} a template fails on this data */
  expand(context: JsonObject, toHeader: string, nowMs: EpochMs): Uint8Array;
}

/** @throws {HttpProblem} 422, with the field that is wrong */
export function compileContent(request: InjectRequest, random: Random): CompiledContent {
  const { content, template_dialect: dialect } = request;
  const sources = (nowMs: EpochMs): TemplateSources => ({ now: () => nowMs, random });
  if (typeof content === 'string') {
    const template = compileField('content', content, dialect, "'content'");
    return {
      expand: (context, _, nowMs) => {
        const rendered = Buffer.from(template.render(context, sources(nowMs)));
        const boundaries = boundarySource(random);
        return rebuildMessage(MimePart.parse(rendered), () => boundaries.next()).toBytes();
      },
    };
  }
  const compiled = compileBuilder(content, dialect);
  return {
    expand: (context, toHeader, nowMs) => {
      const render = (template: Template | null): string | null =>
        template && template.render(context, sources(nowMs));
      const message = buildContent(
        {
          text: render(compiled.text),
          html: render(compiled.html),
          ampHtml: render(compiled.ampHtml),
          attachments: compiled.attachments,
        },
        boundarySource(random),
      );
      for (const [name, template] of compiled.headers) {
        message.headers.append(mimeHeader(name, encodeHeaderText(render(template) ?? '')));
      }
      if (!compiled.headers.some(([name]) => name.toLowerCase() === 'to')) {
        message.headers.append(mimeHeader('To', toHeader));
      }
      completeHeaders(message, nowMs);
      return message.toBytes();
    },
  };
}

interface CompiledBuilder {
  readonly text: Template | null;
  readonly html: Template | null;
  readonly ampHtml: Template | null;
  /** In order of their names. */
  readonly headers: readonly (readonly [string, Template])[];
  readonly attachments: readonly { readonly part: MimePart; readonly isInline: boolean }[];
}

function compileBuilder(content: InjectContent, dialect: TemplateDialect): CompiledBuilder {
  const headers = normalizedHeaders(content);
  if (content.text_body === null && content.html_body === null) {
    throw new HttpProblem(422, 'at least one of text_body and/or html_body must be given');
  }
  const body = (source: string | null, name: string, field: string): Template | null =>
    source === null ? null : compileField(name, source, dialect, `'content.${field}'`);
  return {
    text: body(content.text_body, 'text_body.txt', 'text_body'),
    html: body(content.html_body, 'html_body.html', 'html_body'),
    ampHtml: body(content.amp_html_body, 'amp_html_body.html', 'amp_html_body'),
    headers: [...headers]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, source]) => [
        name,
        compileField(`headers[${name}]`, source, dialect, `headers['${name}']`),
      ]),
    attachments: content.attachments.map(compileAttachment),
  };
}

/** `from`, `reply_to` and `subject` are written into the headers, over those of the same name. */
function normalizedHeaders(content: InjectContent): Map<string, string> {
  const headers = new Map(Object.entries(content.headers));
  if (content.from) headers.set('From', mailboxHeader(content.from, 'content.from'));
  if (content.reply_to)
    headers.set('Reply-To', mailboxHeader(content.reply_to, 'content.reply_to'));
  if (content.subject !== null) headers.set('Subject', content.subject);
  return headers;
}

function mailboxHeader(mailbox: InjectMailbox, field: string): string {
  try {
    return formatMailbox(mailbox.name, parseAddrSpec(mailbox.email).address);
  } catch (error) {
    const { message } = toError(error);
    throw new HttpProblem(422, `failed parsing ${field}: ${message}`, { cause: error });
  }
}

function compileField(
  name: string,
  source: string,
  dialect: TemplateDialect,
  field: string,
): Template {
  try {
    return compileTemplate(name, source, dialect);
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    throw new HttpProblem(422, `failed parsing field ${field} as template: ${error.quoted}`, {
      cause: error,
    });
  }
}

/** An id makes it part of the HTML; everything else is attached. */
function compileAttachment(
  attachment: InjectAttachment,
  index: number,
): { part: MimePart; isInline: boolean } {
  const {
    data,
    content_type: contentType,
    file_name: fileName,
    content_id: contentId,
  } = attachment;
  const isInline = contentId !== null;
  const bytes = attachment.base64 ? decodeAttachment(data, index) : Buffer.from(data);
  return { part: MimePart.binary(contentType, bytes, { fileName, isInline, contentId }), isInline };
}

function decodeAttachment(data: string, index: number): Buffer {
  try {
    return decodeBase64(data);
  } catch (error) {
    const { message } = toError(error);
    throw new HttpProblem(422, `base64 decoding attachment ${index}: ${message}`, { cause: error });
  }
}
