/**
 * The `Message` userdata: envelope, metadata and data here, the rest of its methods in the
 * `message-*.ts` files beside this one.
 *
 * Source: reference `lua-api.md` §4.1, §4.3, §4.5.
 */
import type { EnvelopeAddress } from '../../mail/envelope.ts';
import { parseEnvelopeAddress } from '../../mail/path.ts';
import { invalidType } from '../config-serde.ts';
import type { HostCall, HostResult, UserdataType } from '../lua/host-function.ts';
import { HostObject, LuaTable, type LuaValue } from '../lua/lua-value.ts';
import { luaToMeta } from '../lua-json.ts';
import { AddressObject } from './address.ts';
import type { Bindings } from './bindings.ts';
import { jsonForLua } from './connection-meta.ts';
import type { CoreDeps } from './core-deps.ts';
import { authMethods } from './message-auth.ts';
import { headerMethods } from './message-headers.ts';
import { mimeMethods } from './message-mime.ts';
import { MessageObject, method, type MessageMethods } from './message-object.ts';
import { schedulingMethods } from './message-scheduling.ts';

export function messageBindings(deps: CoreDeps): Bindings {
  const type: UserdataType<MessageObject> = {
    name: 'Message',
    class: MessageObject,
    methods: {
      ...envelopeMethods(),
      ...metaMethods(deps),
      ...spoolMethods(deps),
      ...headerMethods(deps),
      ...schedulingMethods(deps),
      ...authMethods(deps),
      ...mimeMethods(deps),
    },
  };
  return { modules: [], types: [type] };
}

function envelopeMethods(): MessageMethods {
  return {
    id: method('read', 'id() -> string', 'The spool id.', (m) => m.id),
    sender: method('read', 'sender() -> EnvelopeAddress', 'The reverse-path.', (m) => {
      return new AddressObject(m.sender);
    }),
    recipient: method(
      'read',
      'recipient() -> EnvelopeAddress | array',
      'The recipient; an array when there are several.',
      (m) => {
        const [first, ...others] = m.recipients;
        if (others.length > 0) return m.recipients.map((r) => new AddressObject(r));
        return first && new AddressObject(first);
      },
    ),
    recipient_list: method('read', 'recipient_list() -> array', 'All recipients.', (m) =>
      m.recipients.map((r) => new AddressObject(r)),
    ),
    set_sender: method('write', 'set_sender(address)', 'Replaces the reverse-path.', (m, call) => {
      m.sender = addressText(call.value(1));
      m.isDirty = true;
      return undefined;
    }),
    set_recipient: method(
      'write',
      'set_recipient(address | array)',
      'Replaces the recipients.',
      (m, call) => {
        m.recipients = recipientTexts(call);
        m.isDirty = true;
        return undefined;
      },
    ),
    queue_name: method('read', 'queue_name() -> string', 'The scheduled queue.', (m) =>
      m.queueName(),
    ),
  };
}

function metaMethods(deps: CoreDeps): MessageMethods {
  return {
    get_meta: method('read', 'get_meta(key) -> value', 'A value of the metadata.', (m, call) =>
      jsonForLua(m.getMeta(call.string(1))),
    ),
    set_meta: method(
      'write',
      'set_meta(key, value)',
      'Sets a value of the metadata.',
      (m, call) => {
        const key = call.string(1);
        const value = luaToMeta(call.value(2));
        const recorder = deps.world.contextOf(call.context)?.recorder;
        recorder?.metaChanged(key, m.getMeta(key), value, call.where(1)?.line);
        m.setMeta(key, value);
        return undefined;
      },
    ),
    get_data: method('read', 'get_data() -> string', 'The whole message.', (m) => m.data),
    set_data: method('write', 'set_data(bytes)', 'Replaces the whole message.', (m, call) => {
      m.data = call.bytes(1);
      return undefined;
    }),
  };
}

function spoolMethods(deps: CoreDeps): MessageMethods {
  return {
    save: method('write', 'save()', 'Stores the message now.', (m): HostResult => {
      if (m.residentSize === 0) throw new Error('message data must not be empty');
      return deps.services.saveMessage(m).then(() => undefined);
    }),
    shrink: method('pure', 'shrink() -> boolean', 'Accepted; memory is managed here.', () => false),
    shrink_data: method(
      'pure',
      'shrink_data() -> boolean',
      'Accepted; memory is managed here.',
      () => false,
    ),
    set_force_sync: method(
      'pure',
      'set_force_sync(boolean)',
      'Accepted; every message is flushed.',
      () => undefined,
    ),
  };
}

function addressText(value: LuaValue): EnvelopeAddress {
  if (typeof value !== 'string') throw deserializeError(value);
  try {
    return parseEnvelopeAddress(value);
  } catch (error) {
    throw new Error(`deserialize error: ${(error as Error).message}`, { cause: error });
  }
}

/** Texts only: KumoMTA cannot read address userdata here, alone or in a list. */
function recipientTexts(call: HostCall): EnvelopeAddress[] {
  const value = call.value(1);
  if (!(value instanceof LuaTable)) return [addressText(value)];
  if (value.sequence.some((item) => item instanceof HostObject)) throw deserializeError(value);
  return value.sequence.map(addressText);
}

function deserializeError(value: LuaValue): Error {
  return new Error(`deserialize error: ${invalidType(value, 'a string').message}`);
}
