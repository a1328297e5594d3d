/**
 * `kumo.uuid.*`: parsing and making UUIDs; times come from the mail clock.
 *
 * Source: RFC 9562; reference `lua-api.md` §3.18.
 */
import { uuidV4 } from '../../base/ids.ts';
import type { HostFunction, UserdataType } from '../lua/host-function.ts';
import { HostObject } from '../lua/lua-value.ts';
import type { BindingDeps, Bindings } from './bindings.ts';

class Uuid extends HostObject {
  readonly luaTypeName = 'Uuid';
  /** 32 lower-case hex digits. */
  readonly simple: string;

  constructor(simple: string) {
    super();
    this.simple = simple;
  }

  get hyphenated(): string {
    return this.simple.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }
}

const UUID_TYPE: UserdataType<Uuid> = {
  name: 'Uuid',
  class: Uuid,
  fields: {
    hyphenated: (uuid) => uuid.hyphenated,
    simple: (uuid) => uuid.simple,
    braced: (uuid) => `{${uuid.hyphenated}}`,
    urn: (uuid) => `urn:uuid:${uuid.hyphenated}`,
    bytes: (uuid) => Buffer.from(uuid.simple, 'hex'),
  },
  toString: (uuid) => uuid.hyphenated,
};

export function uuidBindings(deps: BindingDeps): Bindings {
  const make = (version: string, doc: string, simple: () => string): HostFunction => ({
    effect: 'read',
    signature: `new_${version}() -> Uuid`,
    doc,
    run: () => new Uuid(simple()),
  });
  const functions: Record<string, HostFunction> = {
    parse: {
      effect: 'pure',
      signature: 'parse(text) -> Uuid',
      doc: 'A UUID from any of its written forms.',
      run: (call) => new Uuid(parseUuid(call.string(1))),
    },
    new_v1: make('v1', 'A UUID of the present time and this node.', () => deps.ids.next()),
    new_v4: make('v4', 'A random UUID.', () => uuidV4(deps.random).replaceAll('-', '')),
    new_v6: make('v6', 'Like version 1, sorting by time.', () => sortable(deps.ids.next())),
    new_v7: make('v7', 'Milliseconds of the present time, then random bits.', () => {
      const time = Math.floor(deps.mailClock.now()).toString(16).padStart(12, '0');
      const random = uuidV4(deps.random).replaceAll('-', '');
      return `${time}7${random.slice(13)}`;
    }),
  };
  return { modules: [{ path: ['kumo', 'uuid'], functions }], types: [UUID_TYPE] };
}

function parseUuid(text: string): string {
  const bare = text.replace(/^urn:uuid:/, '').replace(/^\{(.*)\}$/, '$1');
  const isHyphenated = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(bare);
  if (!isHyphenated && !/^[0-9a-f]{32}$/i.test(bare)) throw new Error('failed to parse a UUID');
  return bare.replaceAll('-', '').toLowerCase();
}

/** RFC 9562 §5.6: the version 1 time with its most significant digits first. */
function sortable(v1: string): string {
  const time = v1.slice(13, 16) + v1.slice(8, 12) + v1.slice(0, 8);
  return `${time.slice(0, 12)}6${time.slice(12)}${v1.slice(16)}`;
}
