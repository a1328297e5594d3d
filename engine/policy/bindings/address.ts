/**
 * Addresses as scripts see them: `EnvelopeAddress` (of the envelope), and the list and entries of
 * an address header.
 *
 * Source: reference `lua-api.md` §4.2, §12.
 */
import {
  addressListJson,
  flattenAddresses,
  singleMailbox,
  type Address,
  type Mailbox,
} from '../../mail/address-list.ts';
import type { EnvelopeAddress } from '../../mail/envelope.ts';
import { parseEnvelopeAddress } from '../../mail/path.ts';
import type { UserdataType } from '../lua/host-function.ts';
import { HostObject, type LuaValue } from '../lua/lua-value.ts';
import { invalidType } from '../config-serde.ts';
import type { Bindings } from './bindings.ts';

export class AddressObject extends HostObject {
  readonly luaTypeName = 'EnvelopeAddress';
  readonly address: EnvelopeAddress;

  constructor(address: EnvelopeAddress) {
    super();
    this.address = address;
  }

  override describe(): string {
    return `<${this.address.email}>`;
  }
}

export class HeaderAddressList extends HostObject {
  readonly luaTypeName = 'HeaderAddressList';
  readonly addresses: readonly Address[];

  constructor(addresses: readonly Address[]) {
    super();
    this.addresses = addresses;
  }

  override describe(): string {
    return addressListJson(this.addresses);
  }
}

class HeaderAddress extends HostObject {
  readonly luaTypeName = 'HeaderAddress';
  readonly mailbox: Mailbox;

  constructor(mailbox: Mailbox) {
    super();
    this.mailbox = mailbox;
  }
}

const envelopeAddressType: UserdataType<AddressObject> = {
  name: 'EnvelopeAddress',
  class: AddressObject,
  fields: {
    user: ({ address }) => address.user,
    domain: ({ address }) => address.domain,
    email: ({ address }) => address.email,
  },
  toString: ({ address }) => address.email,
};

const headerAddressListType: UserdataType<HeaderAddressList> = {
  name: 'HeaderAddressList',
  class: HeaderAddressList,
  fields: {
    user: ({ addresses }) => singleMailbox(addresses).user,
    domain: ({ addresses }) => singleMailbox(addresses).domain,
    email: ({ addresses }) => singleMailbox(addresses).address,
    name: ({ addresses }) => singleMailbox(addresses).name,
    list: ({ addresses }) => flattenAddresses(addresses).map((m) => new HeaderAddress(m)),
  },
  toString: ({ addresses }) => addressListJson(addresses),
};

const headerAddressType: UserdataType<HeaderAddress> = {
  name: 'HeaderAddress',
  class: HeaderAddress,
  fields: {
    user: ({ mailbox }) => mailbox.user,
    domain: ({ mailbox }) => mailbox.domain,
    email: ({ mailbox }) => mailbox.address,
    name: ({ mailbox }) => mailbox.name,
  },
  toString: ({ mailbox }) => JSON.stringify({ name: mailbox.name, address: mailbox.address }),
};

export function addressBindings(): Bindings {
  return {
    modules: [],
    types: [envelopeAddressType, headerAddressListType, headerAddressType],
  };
}

/**
 * An address that a script gave where KumoMTA takes an `EnvelopeAddress`: the userdata or a text.
 * @throws {Error} anything else, or a text that is no address
 */
export function addressFromLua(value: LuaValue): EnvelopeAddress {
  if (value instanceof AddressObject) return value.address;
  if (typeof value === 'string') return parseEnvelopeAddress(value);
  throw new Error(`deserialize error: ${invalidType(value, 'a string').message}`);
}
