/**
 * `kumo.digest.*`: checksums, hashes and HMACs whose result can be read in several encodings.
 *
 * Source: FIPS 180-4, FIPS 202, RFC 2104; reference `lua-api.md` §3.18.
 */
import { createHash, createHmac } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { HostCall, HostFunction, UserdataType } from '../lua/host-function.ts';
import { HostObject } from '../lua/lua-value.ts';
import type { LuaValue } from '../lua/lua-value.ts';
import type { BindingDeps, Bindings } from './bindings.ts';
import { BASES, encodeBase } from './encode.ts';
import { loadKey } from './key-source.ts';
import { bytesOf } from './lua-data.ts';
import { treeOf, writeJson } from './serde-encode.ts';
import { after } from './settle.ts';

/** Bytes that Lua can read as hex, base32 and base64 in their variants, or as they are. */
export class DigestResult extends HostObject {
  readonly luaTypeName = 'Digest';
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    super();
    this.bytes = bytes;
  }
}

const DIGEST_TYPE: UserdataType<DigestResult> = {
  name: 'Digest',
  class: DigestResult,
  fields: {
    ...Object.fromEntries(
      Object.entries(BASES).map(([name, base]) => [
        name,
        (digest: DigestResult): LuaValue => encodeBase(base, digest.bytes),
      ]),
    ),
    bytes: (digest) => digest.bytes,
  },
  toString: (digest) => encodeBase(BASES.hex, digest.bytes),
};

/** Our names and OpenSSL's. */
const HASHES: Readonly<Record<string, string>> = {
  sha1: 'sha1',
  sha224: 'sha224',
  sha256: 'sha256',
  sha384: 'sha384',
  sha512: 'sha512',
  sha512_256: 'sha512-256',
  sha3_256: 'sha3-256',
  sha3_384: 'sha3-384',
  sha3_512: 'sha3-512',
};
const HMACS = ['sha1', 'sha224', 'sha256', 'sha384', 'sha512'];

export function digestBindings(deps: BindingDeps): Bindings {
  const functions: Record<string, HostFunction> = {
    crc32: {
      effect: 'pure',
      signature: 'crc32(...) -> Digest',
      doc: 'CRC-32 of the arguments one after the other.',
      run(call) {
        const sum = Buffer.alloc(4);
        sum.writeUInt32BE(crc32(argumentBytes(call)));
        return new DigestResult(sum);
      },
    },
  };
  for (const [name, algorithm] of Object.entries(HASHES)) {
    functions[name] = {
      effect: 'pure',
      signature: `${name}(...) -> Digest`,
      doc: `${name.toUpperCase().replace('_', '/')} of the arguments one after the other.`,
      run: (call) => new DigestResult(createHash(algorithm).update(argumentBytes(call)).digest()),
    };
  }
  for (const name of HMACS) {
    functions[`hmac_${name}`] = {
      effect: 'read',
      signature: `hmac_${name}(key, message) -> Digest`,
      doc: `HMAC of a message; a plain text as key is the path of a file.`,
      run: (call) => {
        const message = call.bytes(2);
        return after(
          loadKey(deps, call.value(1)),
          (key) => new DigestResult(createHmac(name, key).update(message).digest()),
        );
      },
    };
  }
  return { modules: [{ path: ['kumo', 'digest'], functions }], types: [DIGEST_TYPE] };
}

/** Strings as they are, everything else as its JSON. */
function argumentBytes(call: HostCall): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let n = 1; n <= call.count; n++) {
    const value = call.value(n);
    const json = (): string => writeJson(treeOf(value, (object) => call.context.pairsOf(object)));
    parts.push(bytesOf(value) ?? Buffer.from(json()));
  }
  return Buffer.concat(parts);
}
