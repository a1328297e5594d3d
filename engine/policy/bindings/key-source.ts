/**
 * Keys and secrets as policies name them: a file's path, the bytes themselves, a HashiCorp Vault
 * entry, or an event of the policy that returns the bytes.
 *
 * Source: reference `lua-api.md` §0.7 (KeySource).
 */
import { readFileSync } from 'node:fs';
import type { LuaValue } from '../lua/lua-value.ts';
import { deserializeRaw } from '../config-read.ts';
import { keySource } from '../config-scalars.ts';
import type { KeySource } from '../settings.ts';
import type { BindingDeps } from './bindings.ts';
import { errnoText } from './fs-errors.ts';
import { exchange, HttpConnections } from './http-exchange.ts';
import { bytesOf } from './lua-data.ts';

const VAULT_TIMEOUT_MS = 60_000;

type KeyBytes = Uint8Array | Promise<Uint8Array>;

/** Reads the key that argument `value` names; a promise only when something has to be awaited. */
export function loadKey(deps: BindingDeps, value: LuaValue): KeyBytes {
  return readKey(deps, keySpec(value));
}

/** @throws {Error} when the value is none of the four forms */
export function keySpec(value: LuaValue): KeySource {
  return deserializeRaw(keySource, value);
}

/** Rust's debug form, which error texts begin with. Secrets are not part of it. */
export function debugKey(spec: KeySource): string {
  switch (spec.kind) {
    case 'file':
      return `File(${JSON.stringify(spec.path)})`;
    case 'data':
      return 'Data { key_data: <redacted> }';
    case 'event':
      return `Event { event_name: ${JSON.stringify(spec.event)} }`;
    case 'vault':
      return `Vault { vault_mount: ${JSON.stringify(spec.mount)}, vault_path: ${JSON.stringify(spec.path)} }`;
  }
}

export function readKey(deps: BindingDeps, spec: KeySource): KeyBytes {
  switch (spec.kind) {
    case 'data':
      return spec.data;
    case 'file':
      return readFile(deps, spec.path);
    case 'event':
      return deps.callEvent(spec.event, spec.args as readonly LuaValue[]).then(([value]) => {
        const bytes = bytesOf(value);
        if (bytes) return bytes;
        throw new Error(`Cannot load a key: event ${spec.event} did not return a string`);
      });
    case 'vault':
      return readVault(deps, spec);
  }
}

function readFile(deps: BindingDeps, path: string): Uint8Array {
  try {
    return readFileSync(deps.mapPath(path, 'read'));
  } catch (error) {
    throw new Error(`reading file ${path}: ${errnoText(error)}`, { cause: error });
  }
}

/** Key/value engine version 2: `GET /v1/<mount>/data/<path>`. */
async function readVault(
  deps: BindingDeps,
  spec: Extract<KeySource, { kind: 'vault' }>,
): Promise<Uint8Array> {
  const address = spec.address ?? process.env['VAULT_ADDR'];
  const token = spec.token ?? process.env['VAULT_TOKEN'];
  if (address === undefined || token === undefined) {
    throw new Error(
      'Cannot read from vault: no vault_address and vault_token, nor VAULT_ADDR and VAULT_TOKEN',
    );
  }
  const connections = new HttpConnections(deps, {
    idleTimeoutMs: 1_000,
    acceptInvalidCerts: false,
  });
  try {
    const answer = await exchange(deps, connections, {
      method: 'GET',
      url: new URL(`v1/${spec.mount}/data/${spec.path}`, address.replace(/\/*$/, '/')),
      headers: new Map([['x-vault-token', token]]),
      body: null,
      timeoutMs: VAULT_TIMEOUT_MS,
    });
    if (answer.status !== 200) {
      throw new Error(
        `Cannot read ${spec.mount}/${spec.path} from vault: it answered ${answer.status}`,
      );
    }
    const body = JSON.parse(Buffer.from(answer.body).toString('utf8')) as {
      data?: { data?: Record<string, unknown> };
    };
    const secret = body.data?.data?.[spec.key];
    if (typeof secret === 'string') return Buffer.from(secret, 'utf8');
    throw new Error(
      `Cannot read ${spec.mount}/${spec.path} from vault: it has no text named ${spec.key}`,
    );
  } finally {
    connections.destroy();
  }
}
