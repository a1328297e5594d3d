/**
 * Headers of a MIME part for Lua: a map whose changes change the part, and single header fields
 * with their value in every form.
 *
 * Source: reference `lua-api.md` §3.19, §12.
 */
import { flattenAddresses, isGroup, parseAddressList } from '../../mail/address-list.ts';
import type { Address, Mailbox } from '../../mail/address-list.ts';
import { headerString } from '../../mail/header.ts';
import { mimeHeader } from '../../mail/mime/headers.ts';
import type { MimeHeader, MimeHeaders } from '../../mail/mime/headers.ts';
import { formatParameters, parseParameters } from '../../mail/mime/parameters.ts';
import { formatAddresses } from '../../mail/mime/rebuild.ts';
import { decodeHeaderText, encodeHeaderText } from '../../mail/rfc2047.ts';
import type { HostMethod, UserdataType } from '../lua/host-function.ts';
import { HostClosure, HostObject, LuaTable } from '../lua/lua-value.ts';
import type { LuaValue } from '../lua/lua-value.ts';
import { isAbsent, pairsOf, textOf } from './lua-data.ts';

export class MimeHeaderMap extends HostObject {
  readonly luaTypeName = 'HeaderMap';
  readonly headers: MimeHeaders;

  constructor(headers: MimeHeaders) {
    super();
    this.headers = headers;
  }

  named(name: string): MimeHeader[] {
    const wanted = name.toLowerCase();
    return this.headers.fields.filter((field) => field.name.toLowerCase() === wanted);
  }
}

class HeaderObject extends HostObject {
  readonly luaTypeName = 'Header';
  readonly field: MimeHeader;

  constructor(field: MimeHeader) {
    super();
    this.field = field;
  }
}

/** A kind of structured header: how it is read and how it is written. */
interface Form {
  readonly read: (field: MimeHeader) => LuaValue;
  readonly write: (value: LuaValue) => string;
}

const rawText = (field: MimeHeader): string => headerString(field.rawValue);
const ID = /<([^<>\s]+)>/g;

const UNSTRUCTURED: Form = {
  read: (field) => decodeHeaderText(field.rawValue),
  write: (value) => encodeHeaderText(requiredText(value)),
};
const MAILBOXES: Form = {
  read: (field) => flattenAddresses(parseAddressList(rawText(field))).map(mailboxForLua),
  write: (value) => addressText(value),
};
const MAILBOX: Form = {
  read: (field) => {
    const [first] = flattenAddresses(parseAddressList(rawText(field)));
    return first && mailboxForLua(first);
  },
  write: (value) => addressText(value),
};
const ADDRESSES: Form = {
  read: (field) => parseAddressList(rawText(field)).map(addressForLua),
  write: (value) => addressText(value),
};
const MESSAGE_ID: Form = {
  read: (field) => [...rawText(field).matchAll(ID)][0]?.[1],
  write: (value) => `<${requiredText(value).replace(/^<|>$/g, '')}>`,
};
const MESSAGE_IDS: Form = {
  read: (field) => [...rawText(field).matchAll(ID)].map((match): LuaValue => match[1]),
  write: (value) => {
    const list: readonly LuaValue[] = value instanceof LuaTable ? value.sequence : [value];
    return list.map((item) => `<${requiredText(item).replace(/^<|>$/g, '')}>`).join('\r\n\t');
  },
};
const PARAMETERS: Form = {
  read: (field) => {
    const { value, parameters } = parseParameters(rawText(field));
    return { value, parameters: Object.fromEntries(parameters) };
  },
  write: (value) => {
    if (!(value instanceof LuaTable)) return requiredText(value);
    const parameters = value.get('parameters');
    const pairs = parameters instanceof LuaTable ? pairsOf(parameters) : [];
    return formatParameters({
      value: requiredText(value.get('value')),
      parameters: new Map(pairs.map(([key, item]) => [String(key), requiredText(item)])),
    });
  },
};

/** Typed accessors: `headers:subject()` and `headers:set_subject(value)`. */
const ACCESSORS: Readonly<Record<string, readonly [header: string, form: Form]>> = {
  from: ['From', MAILBOXES],
  resent_from: ['Resent-From', MAILBOXES],
  to: ['To', ADDRESSES],
  reply_to: ['Reply-To', ADDRESSES],
  cc: ['Cc', ADDRESSES],
  bcc: ['Bcc', ADDRESSES],
  resent_to: ['Resent-To', ADDRESSES],
  resent_cc: ['Resent-Cc', ADDRESSES],
  resent_bcc: ['Resent-Bcc', ADDRESSES],
  sender: ['Sender', MAILBOX],
  resent_sender: ['Resent-Sender', MAILBOX],
  message_id: ['Message-ID', MESSAGE_ID],
  content_id: ['Content-ID', MESSAGE_ID],
  references: ['References', MESSAGE_IDS],
  subject: ['Subject', UNSTRUCTURED],
  comments: ['Comments', UNSTRUCTURED],
  mime_version: ['Mime-Version', UNSTRUCTURED],
  content_transfer_encoding: ['Content-Transfer-Encoding', PARAMETERS],
  content_disposition: ['Content-Disposition', PARAMETERS],
  content_type: ['Content-Type', PARAMETERS],
};

type MapMethod = HostMethod<MimeHeaderMap>;

function accessors(): Record<string, MapMethod> {
  const methods: Record<string, MapMethod> = {};
  for (const [name, [header, form]] of Object.entries(ACCESSORS)) {
    methods[name] = {
      effect: 'pure',
      signature: `${name}() -> value?`,
      doc: `The ${header} header; nil when there is none.`,
      run: (map) => {
        const [field] = map.named(header);
        return field && form.read(field);
      },
    };
    methods[`set_${name}`] = {
      effect: 'write',
      signature: `set_${name}(value)`,
      doc: `Replaces the ${header} header.`,
      run: (map, call) => void map.headers.set(mimeHeader(header, form.write(call.value(1)))),
    };
  }
  return methods;
}

export const MIME_HEADER_MAP_TYPE: UserdataType<MimeHeaderMap> = {
  name: 'HeaderMap',
  class: MimeHeaderMap,
  methods: {
    ...accessors(),
    append: {
      effect: 'write',
      signature: 'append(name, value)',
      doc: 'Adds a header at the end.',
      run: ({ headers }, call) =>
        void headers.append(mimeHeader(call.string(1), encodeHeaderText(call.string(2)))),
    },
    prepend: {
      effect: 'write',
      signature: 'prepend(name, value)',
      doc: 'Adds a header at the start.',
      run: ({ headers }, call) =>
        void headers.prepend(mimeHeader(call.string(1), encodeHeaderText(call.string(2)))),
    },
    remove_all_named: {
      effect: 'write',
      signature: 'remove_all_named(name)',
      doc: 'Removes every header of this name.',
      run: ({ headers }, call) => void headers.removeAll(call.string(1)),
    },
    get_first_named: {
      effect: 'pure',
      signature: 'get_first_named(name) -> Header?',
      doc: 'The first header of this name.',
      run: (map, call) => {
        const [field] = map.named(call.string(1));
        return field && new HeaderObject(field);
      },
    },
    iter: {
      effect: 'pure',
      signature: 'iter(name?) -> iterator',
      doc: 'Every header, or every one of this name, for a generic for.',
      run: (map, call) => {
        const name = call.optString(1);
        const fields = name === undefined ? [...map.headers.fields] : map.named(name);
        let next = 0;
        return new HostClosure('iter', () => {
          const field = fields[next++];
          return field && new HeaderObject(field);
        });
      },
    },
  },
  toString: ({ headers }) => headers.toBytes(),
};

export const HEADER_TYPE: UserdataType<HeaderObject> = {
  name: 'Header',
  class: HeaderObject,
  fields: {
    name: ({ field }) => field.name,
    value: ({ field }) => UNSTRUCTURED.read(field),
    raw_value: ({ field }) => field.rawValue,
    unstructured: ({ field }) => UNSTRUCTURED.read(field),
    mailbox: ({ field }) => MAILBOX.read(field),
    mailbox_list: ({ field }) => MAILBOXES.read(field),
    address_list: ({ field }) => ADDRESSES.read(field),
    message_id: ({ field }) => MESSAGE_ID.read(field),
    message_id_list: ({ field }) => MESSAGE_IDS.read(field),
    mime_params: ({ field }) => PARAMETERS.read(field),
    authentication_results: ({ field }) => authenticationResults(rawText(field)),
  },
  toString: ({ field }) => field.bytes,
};

function mailboxForLua(mailbox: Mailbox): LuaValue {
  const at = mailbox.address.lastIndexOf('@');
  return {
    name: mailbox.name,
    address: {
      local_part: at < 0 ? mailbox.address : mailbox.address.slice(0, at),
      domain: at < 0 ? '' : mailbox.address.slice(at + 1),
    },
  };
}

function addressForLua(address: Address): LuaValue {
  if (!isGroup(address)) return { Mailbox: mailboxForLua(address) };
  return {
    Group: { name: address.group, entries: flattenAddresses([address]).map(mailboxForLua) },
  };
}

/** A text, or mailboxes as the getters return them. */
function addressText(value: LuaValue): string {
  const text = textOf(value);
  if (text !== undefined) return formatAddresses(parseAddressList(text));
  if (!(value instanceof LuaTable)) throw new Error('Cannot set a header: expected addresses');
  const items = value.sequence.length > 0 ? value.sequence : [value];
  return items.map((item) => mailboxText(item)).join(',\r\n\t');
}

function mailboxText(value: LuaValue): string {
  const text = textOf(value);
  if (text !== undefined) return formatAddresses(parseAddressList(text));
  if (!(value instanceof LuaTable)) throw new Error('Cannot set a header: expected a mailbox');
  const inner = value.get('Mailbox');
  if (inner !== undefined) return mailboxText(inner);
  const address = value.get('address');
  const spec =
    address instanceof LuaTable
      ? `${requiredText(address.get('local_part'))}@${requiredText(address.get('domain'))}`
      : requiredText(address);
  const name = isAbsent(value.get('name')) ? undefined : requiredText(value.get('name'));
  return formatAddresses(
    parseAddressList(name === undefined ? spec : `"${name.replace(/["\\]/g, '\\$&')}" <${spec}>`),
  );
}

function requiredText(value: LuaValue): string {
  const text = textOf(value);
  if (text === undefined) throw new Error('Cannot set a header: expected a string');
  return text;
}

/** RFC 8601 §2.2: the server, then results separated by semicolons. */
function authenticationResults(raw: string): LuaValue {
  const [servId = '', ...parts] = raw
    .replace(/\s+/g, ' ')
    .split(';')
    .map((part) => part.trim());
  const results = parts
    .filter((part) => part !== '' && part !== 'none')
    .map((part) => {
      const pairs = [...part.matchAll(/([\w./-]+)\s*=\s*(?:"([^"]*)"|(\S+))/g)];
      const [method = '', version] = (pairs[0]?.[1] ?? '').split('/');
      const rest = pairs.slice(1).map((pair) => [pair[1] ?? '', pair[2] ?? pair[3] ?? ''] as const);
      return {
        method,
        method_version: version === undefined ? undefined : Number(version),
        result: pairs[0]?.[2] ?? pairs[0]?.[3],
        reason: rest.find(([name]) => name === 'reason')?.[1],
        props: new Map<LuaValue, LuaValue>(rest.filter(([name]) => name !== 'reason')),
      };
    });
  return { serv_id: servId, results };
}
