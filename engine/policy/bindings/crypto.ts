/**
 * `kumo.crypto.*` and `kumo.secrets.*`: AES in two modes, AWS signatures, and loading secrets.
 *
 * Source: FIPS 197, NIST SP 800-38A; reference `lua-api.md` §3.18.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { HostCall } from '../lua/host-function.ts';
import { LuaTable } from '../lua/lua-value.ts';
import type { LuaValue } from '../lua/lua-value.ts';
import type { BindingDeps, Bindings } from './bindings.ts';
import { signAwsV4 } from './crypto-aws.ts';
import { DigestResult } from './digest.ts';
import { keySpec, loadKey, readKey } from './key-source.ts';
import { after } from './settle.ts';

const BLOCK_BYTES = 16;

export function cryptoBindings(deps: BindingDeps): Bindings {
  return {
    modules: [
      {
        path: ['kumo', 'crypto'],
        functions: {
          aes_encrypt_block: {
            effect: 'read',
            signature: "aes_encrypt_block('Ecb' | 'Cbc', data, {key}) -> bytes",
            doc: 'Encrypts with AES; in Cbc mode a random initial vector comes first.',
            run: (call) => withKey(deps, call, (mode, data, key) => encrypt(deps, mode, data, key)),
          },
          aes_decrypt_block: {
            effect: 'read',
            signature: "aes_decrypt_block('Ecb' | 'Cbc', data, {key}) -> Digest",
            doc: 'Decrypts what aes_encrypt_block made.',
            run: (call) =>
              withKey(deps, call, (mode, data, key) => new DigestResult(decrypt(mode, data, key))),
          },
          aws_sign_v4: {
            effect: 'read',
            signature: 'aws_sign_v4(parameters) -> table',
            doc: 'Signature Version 4 of a request for AWS.',
            run: (call) =>
              after(signAwsV4(deps, call), (signed): LuaValue => ({
                authorization: signed.authorization,
                timestamp: signed.timestamp,
                canonical_request: signed.canonicalRequest,
                string_to_sign: signed.stringToSign,
                signature: signed.signature,
              })),
          },
        },
      },
      {
        path: ['kumo', 'secrets'],
        functions: {
          load: {
            effect: 'read',
            signature: 'load(key_source) -> bytes',
            doc: 'The bytes of a file, a vault entry, an event, or given as they are.',
            run: (call) => loadKey(deps, call.value(1)),
          },
        },
      },
    ],
    types: [],
  };
}

type Mode = 'ecb' | 'cbc';

function withKey<T extends LuaValue>(
  deps: BindingDeps,
  call: HostCall,
  work: (mode: Mode, data: Uint8Array, key: Uint8Array) => T,
): T | Promise<T> {
  const mode = modeOf(call.string(1));
  const data = call.bytes(2);
  const options = call.value(3);
  if (!(options instanceof LuaTable)) throw new Error('deserialize error: missing field `key`');
  return after(readKey(deps, keySpec(options.get('key'))), (key) => {
    if (key.length !== 16 && key.length !== 32) {
      throw new Error(`Cannot use a key of ${key.length} bytes, expected 16 or 32`);
    }
    return work(mode, data, key);
  });
}

function modeOf(name: string): Mode {
  const mode = name.toLowerCase();
  if (mode === 'ecb' || mode === 'cbc') return mode;
  throw new Error(`unknown variant \`${name}\`, expected \`Ecb\` or \`Cbc\``);
}

function encrypt(deps: BindingDeps, mode: Mode, data: Uint8Array, key: Uint8Array): Uint8Array {
  const iv = mode === 'cbc' ? deps.random.bytes(BLOCK_BYTES) : null;
  const cipher = createCipheriv(`aes-${key.length * 8}-${mode}`, key, iv);
  return Buffer.concat([iv ?? new Uint8Array(), cipher.update(data), cipher.final()]);
}

function decrypt(mode: Mode, data: Uint8Array, key: Uint8Array): Uint8Array {
  const iv = mode === 'cbc' ? data.subarray(0, BLOCK_BYTES) : null;
  if (iv && iv.length < BLOCK_BYTES) {
    throw new Error(
      `Cannot decrypt ${data.length} bytes, expected an initial vector of 16 and more`,
    );
  }
  const decipher = createDecipheriv(`aes-${key.length * 8}-${mode}`, key, iv);
  return Buffer.concat([decipher.update(data.subarray(iv?.length ?? 0)), decipher.final()]);
}
