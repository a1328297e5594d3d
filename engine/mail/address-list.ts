/**
 * Address header fields: mailboxes and groups, as `msg:from_header()` returns them and as the
 * HTTP API writes them. Comments are skipped, encoded words in names decoded, obsolete routes
 * dropped; what cannot be read is an error that says where.
 *
 * Source: RFC 5322 §3.4, §4.4; reference `lua-api.md` §4.2.
 */
import { AddressScanner } from './address-scanner.ts';
import { fieldNamed, headerString, rawFieldValue, readHeaderBlock } from './header.ts';
import { encodeWords, isAscii } from './rfc2047.ts';

export interface Mailbox {
  /** Decoded display name; null when there is none. */
  readonly name: string | null;
  /** Local part, quotes removed. */
  readonly user: string;
  /** As written: its case is kept. */
  readonly domain: string;
  /** The address as it would be written: `user@domain`. */
  readonly address: string;
}

export interface AddressGroup {
  readonly group: string;
  readonly members: readonly Mailbox[];
}

export type Address = Mailbox | AddressGroup;

export function isGroup(address: Address): address is AddressGroup {
  return 'group' in address;
}

/** @throws {Error} the value is not an address list; the text has KumoMTA's form */
export function parseAddressList(text: string): Address[] {
  return new AddressScanner(text).addressList();
}

/**
 * The addresses of the first field of this name; `undefined` when there is no such field.
 * @throws {Error} as `parseAddressList`
 */
export function addressHeader(data: Uint8Array, name: string): Address[] | undefined {
  const field = readHeaderBlock(data).fields.find((f) => fieldNamed(data, f, name));
  return field && parseAddressList(headerString(rawFieldValue(data, field)));
}

/** @throws {Error} the text is not one `local@domain` */
export function parseAddrSpec(text: string): Mailbox {
  return new AddressScanner(text).wholeAddrSpec();
}

/**
 * The one plain mailbox of a header that has no other.
 * @throws {Error} there is none, more than one, or a group
 */
export function singleMailbox(addresses: readonly Address[]): Mailbox {
  const [first, ...others] = addresses;
  if (first === undefined) throw new Error('no addresses');
  if (others.length > 0) throw new Error('is not a simple single address');
  if (isGroup(first)) throw new Error('is not a simple address');
  return first;
}

/** All mailboxes in order, those of groups included. */
export function flattenAddresses(addresses: readonly Address[]): Mailbox[] {
  return addresses.flatMap((a) => (isGroup(a) ? a.members : [a]));
}

/** `[{"Address":{"name":…,"address":…}}]`, as Lua's `tostring` of an address header shows it. */
export function addressListJson(addresses: readonly Address[]): string {
  const plain = (m: Mailbox): object => ({ name: m.name, address: m.address });
  return JSON.stringify(
    addresses.map((a) =>
      isGroup(a)
        ? { Group: { name: a.group, entries: a.members.map(plain) } }
        : { Address: plain(a) },
    ),
  );
}

/** A mailbox as a header writes it: `"Ann Doe" <ann@example.org>`; always with angle brackets. */
export function formatMailbox(name: string | null, address: string): string {
  return name === null || name === '' ? `<${address}>` : `${quoteName(name)} <${address}>`;
}

/** Atoms stay as they are, other ASCII is quoted, the rest becomes encoded words. */
export function quoteName(name: string): string {
  if (!isAscii(name)) return encodeWords(name);
  if (/^[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+$/.test(name)) return name;
  return `"${name.replace(/["\\]/g, '\\$&')}"`;
}
