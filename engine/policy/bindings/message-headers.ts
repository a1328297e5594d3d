/**
 * Message methods on header fields.
 *
 * Source: reference `lua-api.md` §4.1.
 */
import { addressHeader } from '../../mail/address-list.ts';
import {
  allHeaders,
  allHeaderValues,
  appendHeader,
  firstHeaderValue,
  prependHeader,
  removeNamedHeaders,
  removeXHeaders,
  type HeaderForm,
} from '../../mail/header.ts';
import { importHeaders, importXHeaders } from '../../mail/header-import.ts';
import type { JsonObject } from '../../mail/json.ts';
import type { Message } from '../../mail/message.ts';
import { deserialize } from '../config-read.ts';
import {
  bool,
  defaulted,
  enumeration,
  list,
  optional,
  required,
  struct,
  text,
} from '../config-serde.ts';
import type { HostCall, HostResult } from '../lua/host-function.ts';
import { LuaTable } from '../lua/lua-value.ts';
import { HeaderAddressList } from './address.ts';
import type { CoreDeps } from './core-deps.ts';
import { method, type MessageMethods } from './message-object.ts';

const IMPORT_HEADER_SPEC = struct('ImportHeaderSpec', {
  name: required(text),
  match: defaulted(enumeration('last', 'first', 'all'), 'last'),
  transform: defaulted(
    enumeration('snake_case', 'kebab_case', 'camel_case', 'pascal_case'),
    'snake_case',
  ),
  target: optional(text),
  remove: defaulted(bool, false),
});

export function headerMethods(deps: CoreDeps): MessageMethods {
  const setAll = (message: Message, meta: JsonObject, call: HostCall): void => {
    const recorder = deps.world.contextOf(call.context)?.recorder;
    for (const [key, value] of Object.entries(meta)) {
      recorder?.metaChanged(key, message.getMeta(key), value, call.where(1)?.line);
      message.setMeta(key, value);
    }
  };
  return {
    from_header: method('read', 'from_header() -> AddressHeader', 'The From header.', (m) =>
      addresses(m, 'From'),
    ),
    to_header: method('read', 'to_header() -> AddressHeader', 'The To header.', (m) =>
      addresses(m, 'To'),
    ),
    get_address_header: method(
      'read',
      'get_address_header(name) -> AddressHeader',
      'An address header.',
      (m, call) => addresses(m, call.string(1)),
    ),
    get_first_named_header_value: method(
      'read',
      'get_first_named_header_value(name) -> string',
      'The decoded value of the first header of that name.',
      (m, call) => firstHeaderValue(m.data, call.string(1)),
    ),
    get_all_named_header_values: method(
      'read',
      'get_all_named_header_values(name) -> array',
      'The decoded values of all headers of that name.',
      (m, call) => allHeaderValues(m.data, call.string(1)),
    ),
    get_all_headers: method(
      'read',
      'get_all_headers() -> array',
      'Pairs of name and decoded value.',
      (m) => allHeaders(m.data).map(([name, value]) => [name, value]),
    ),
    prepend_header: method(
      'write',
      'prepend_header(name, value, encode?)',
      'Puts a header on top.',
      (m, call) => {
        m.data = prependHeader(m.data, call.string(1), headerValue(call), headerForm(call));
        return undefined;
      },
    ),
    append_header: method(
      'write',
      'append_header(name, value, encode?)',
      'Puts a header at the end of the header block.',
      (m, call) => {
        m.data = appendHeader(m.data, call.string(1), headerValue(call), headerForm(call));
        return undefined;
      },
    ),
    remove_all_named_headers: method(
      'write',
      'remove_all_named_headers(name)',
      'Removes every header of that name.',
      (m, call) => replaceData(m, removeNamedHeaders(m.data, call.string(1))),
    ),
    remove_x_headers: method(
      'write',
      'remove_x_headers(names?)',
      'Removes the named headers, or all that start with X-.',
      (m, call) => replaceData(m, removeXHeaders(m.data, nameList(call, 1))),
    ),
    import_x_headers: method(
      'write',
      'import_x_headers(names?)',
      'Copies headers into metadata.',
      (m, call) => {
        setAll(m, importXHeaders(m.data, nameList(call, 1)), call);
        return undefined;
      },
    ),
    import_headers: method(
      'write',
      'import_headers(specs)',
      'Copies headers into metadata as the specs say.',
      (m, call) => {
        const pairsOf = call.context.pairsOf.bind(call.context);
        const specs = deserialize(list(IMPORT_HEADER_SPEC), call.value(1), pairsOf);
        const { meta, data } = importHeaders(m.data, specs);
        setAll(m, meta, call);
        return replaceData(m, data);
      },
    ),
  };
}

function addresses(message: Message, name: string): HostResult {
  const found = addressHeader(message.data, name);
  return found && new HeaderAddressList(found);
}

function headerValue(call: HostCall): string | Uint8Array {
  return call.boolean(3) ? call.string(2) : call.bytes(2);
}

function headerForm(call: HostCall): HeaderForm {
  return call.boolean(3) ? 'encode' : 'verbatim';
}

/** Keeps a message clean when nothing was changed. */
export function replaceData(message: Message, data: Uint8Array): undefined {
  if (data !== message.data) message.data = data;
  return undefined;
}

/** An optional list of texts. */
function nameList(call: HostCall, n: number): string[] {
  if (call.isNil(n)) return [];
  const value = call.value(n);
  if (!(value instanceof LuaTable)) {
    throw call.badArgument(n, `error converting Lua ${call.typeName(n)} to Vec`);
  }
  return value.sequence.map((item) => {
    if (typeof item === 'string') return item;
    if (typeof item === 'number') return String(item);
    throw call.badArgument(n, 'error converting Lua value to String (expected string or number)');
  });
}
