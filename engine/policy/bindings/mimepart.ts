/**
 * `kumo.mimepart.*`: reading and making MIME parts. Parts inside a part are shared, so that a
 * changed attachment is part of the message when that is written; a part of `msg:parse_mime` is a
 * snapshot of the message.
 *
 * Source: reference `lua-api.md` §3.19.
 */
import { boundarySource, buildContent, completeHeaders } from '../../mail/mime/builder.ts';
import { MimePart } from '../../mail/mime/part.ts';
import type { AttachmentOptions } from '../../mail/mime/part.ts';
import { rebuildMessage } from '../../mail/mime/rebuild.ts';
import { simpleStructure } from '../../mail/mime/structure.ts';
import type { SimpleStructure } from '../../mail/mime/structure.ts';
import { deserialize } from '../config-read.ts';
import { bool, defaulted, optional, struct, text } from '../config-serde.ts';
import type { HostCall, HostFunction, HostMethod, UserdataType } from '../lua/host-function.ts';
import { HostObject, LuaTable } from '../lua/lua-value.ts';
import type { LuaValue } from '../lua/lua-value.ts';
import type { BindingDeps, Bindings } from './bindings.ts';
import { bytesOf } from './lua-data.ts';
import { HEADER_TYPE, MIME_HEADER_MAP_TYPE, MimeHeaderMap } from './mimepart-headers.ts';

const ATTACHMENT = struct('AttachmentOptions', {
  file_name: optional(text),
  inline: defaulted(bool, false),
  content_id: optional(text),
});

export class MimePartObject extends HostObject {
  readonly luaTypeName = 'MimePart';
  readonly part: MimePart;

  constructor(part: MimePart) {
    super();
    this.part = part;
  }
}

export function mimepartBindings(deps: BindingDeps): Bindings {
  const boundary = (): string => boundarySource(deps.random).next();
  return {
    modules: [{ path: ['kumo', 'mimepart'], functions: partFunctions(deps, boundary) }],
    types: [partType(boundary), MIME_HEADER_MAP_TYPE, HEADER_TYPE, builderType(deps)],
  };
}

function partFunctions(deps: BindingDeps, boundary: () => string): Record<string, HostFunction> {
  const make = (
    signature: string,
    doc: string,
    run: (call: HostCall) => MimePart,
  ): HostFunction => ({
    effect: 'pure',
    signature: `${signature} -> MimePart`,
    doc,
    run: (call) => new MimePartObject(run(call)),
  });
  return {
    parse: make('parse(bytes)', 'The parts of a message or of one part.', (call) =>
      MimePart.parse(call.bytes(1)),
    ),
    new_text: make('new_text(content_type, text)', 'A part of some text type.', (call) =>
      MimePart.text(call.string(1), call.string(2)),
    ),
    new_text_plain: make('new_text_plain(text)', 'A plain text part.', (call) =>
      MimePart.text('text/plain', call.string(1)),
    ),
    new_html: make('new_html(text)', 'An HTML part.', (call) =>
      MimePart.text('text/html', call.string(1)),
    ),
    new_binary: make(
      'new_binary(content_type, bytes, options?)',
      'A part of any bytes; options: file_name, inline, content_id.',
      (call) => MimePart.binary(call.string(1), call.bytes(2), attachmentOf(call, 3)),
    ),
    new_multipart: make(
      'new_multipart(content_type, parts, boundary?)',
      'A part made of parts.',
      (call) =>
        MimePart.multipart(call.string(1), partsOf(call, 2), call.optString(3) ?? boundary()),
    ),
    builder: {
      effect: 'pure',
      signature: 'builder() -> Builder',
      doc: 'Builds a message out of texts and attachments.',
      run: () => new MessageBuilder(),
    },
  };
}

function attachmentOf(call: HostCall, n: number): AttachmentOptions | null {
  if (call.isNil(n)) return null;
  const options = deserialize(ATTACHMENT, call.value(n), (object) => call.context.pairsOf(object));
  return {
    fileName: options.file_name,
    isInline: options.inline,
    contentId: options.content_id,
  };
}

function partsOf(call: HostCall, n: number): MimePart[] {
  const table = call.value(n);
  const items = table instanceof LuaTable ? table.sequence : [];
  return items.map((item) => {
    if (item instanceof MimePartObject) return item.part;
    throw call.badArgument(n, 'error converting Lua value to MimePart');
  });
}

function structureForLua(structure: SimpleStructure): LuaValue {
  const wrap = (part: MimePart | null): LuaValue => (part ? new MimePartObject(part) : undefined);
  return {
    text_part: wrap(structure.textPart),
    html_part: wrap(structure.htmlPart),
    amp_html_part: wrap(structure.ampHtmlPart),
    header_part: wrap(structure.headerPart),
    attachments: structure.attachments.map((attachment) => ({
      file_name: attachment.fileName,
      inline: attachment.isInline,
      content_id: attachment.contentId,
      content_type: attachment.contentType,
      part: new MimePartObject(attachment.part),
    })),
  };
}

function setBody(part: MimePart, value: LuaValue): void {
  const type = part.contentType;
  if (typeof value === 'string' && part.isText) return part.replaceText(type, value);
  const bytes = bytesOf(value);
  if (!bytes) throw new Error('Cannot set the body of a part: expected a string');
  part.replaceBinary(part.isText ? 'application/octet-stream' : type, bytes);
}

function partType(boundary: () => string): UserdataType<MimePartObject> {
  const method = (
    effect: HostMethod<MimePartObject>['effect'],
    signature: string,
    doc: string,
    run: (part: MimePart, call: HostCall) => LuaValue,
  ): HostMethod<MimePartObject> => ({
    effect,
    signature,
    doc,
    run: ({ part }, call) => run(part, call),
  });
  return {
    name: 'MimePart',
    class: MimePartObject,
    fields: {
      body: ({ part }) => part.body,
      headers: ({ part }) => new MimeHeaderMap(part.headers),
      id: ({ part }) => part.headers.firstText('Content-ID'),
    },
    methods: {
      append_part: method('write', 'append_part(part)', 'Adds a part at the end.', (part, call) => {
        part.parts.push(call.object(1, MimePartObject).part);
        return undefined;
      }),
      get_simple_structure: method(
        'pure',
        'get_simple_structure() -> table',
        'The text, the HTML and the attachments of a message.',
        (part) => structureForLua(simpleStructure(part)),
      ),
      rebuild: method(
        'pure',
        'rebuild() -> MimePart',
        'The part written anew.',
        (part) => new MimePartObject(rebuildMessage(part, boundary)),
      ),
      replace_body: method(
        'write',
        'replace_body(text, content_type?)',
        'Replaces the body by a text.',
        (part, call) => {
          part.replaceText(call.optString(2) ?? part.contentType, call.string(1));
          return undefined;
        },
      ),
    },
    newIndex: ({ part }, key, value) => {
      if (key !== 'body') throw new Error(`attempt to set an unknown field '${String(key)}'`);
      setBody(part, value);
    },
    toString: ({ part }) => part.toBytes(),
  };
}

/** Gathers content until `build`. */
class MessageBuilder extends HostObject {
  readonly luaTypeName = 'Builder';
  text: string | null = null;
  html: string | null = null;
  ampHtml: string | null = null;
  readonly attachments: { readonly part: MimePart; readonly isInline: boolean }[] = [];
  isStable = false;
}

function builderType(deps: BindingDeps): UserdataType<MessageBuilder> {
  const step = (
    signature: string,
    doc: string,
    change: (builder: MessageBuilder, call: HostCall) => void,
  ): HostMethod<MessageBuilder> => ({
    effect: 'pure',
    signature: `${signature} -> Builder`,
    doc,
    run: (builder, call) => {
      change(builder, call);
      return builder;
    },
  });
  return {
    name: 'Builder',
    class: MessageBuilder,
    methods: {
      text_plain: step('text_plain(text)', 'Sets the plain text.', (builder, call) => {
        builder.text = call.string(1);
      }),
      text_html: step('text_html(text)', 'Sets the HTML.', (builder, call) => {
        builder.html = call.string(1);
      }),
      text_amp_html: step('text_amp_html(text)', 'Sets the AMP HTML.', (builder, call) => {
        builder.ampHtml = call.string(1);
      }),
      attach: step(
        'attach(content_type, bytes, options?)',
        'Adds an attachment.',
        (builder, call) => {
          const options = attachmentOf(call, 3) ?? {
            fileName: null,
            isInline: false,
            contentId: null,
          };
          const part = MimePart.binary(call.string(1), call.bytes(2), options);
          builder.attachments.push({ part, isInline: options.isInline });
        },
      ),
      attach_part: step('attach_part(part)', 'Adds a part as an attachment.', (builder, call) => {
        builder.attachments.push({ part: call.object(1, MimePartObject).part, isInline: false });
      }),
      set_stable_content: step(
        'set_stable_content(is_stable)',
        'Makes boundaries repeatable and leaves the date out.',
        (builder, call) => {
          builder.isStable = call.boolean(1);
        },
      ),
      build: {
        effect: 'pure',
        signature: 'build() -> MimePart',
        doc: 'The message.',
        run: (builder) => {
          const source = boundarySource(builder.isStable ? 'stable' : deps.random);
          const part = buildContent(builder, source);
          completeHeaders(part, builder.isStable ? null : deps.mailClock.now());
          return new MimePartObject(part);
        },
      },
    },
  };
}
