/**
 * What is known of a connection: KumoMTA's `conn_meta`. One object per session, shared by its
 * events and copied into each message's metadata when the data has arrived.
 */
import { cloneJson, ownValue } from './json.ts';
import type { JsonObject, JsonValue } from './json.ts';

export interface AuthInfo {
  peerAddress: string | null;
  identities: { identity: string; context: string }[];
  groups: string[];
}

export class ConnectionMeta {
  readonly #values: JsonObject = {};
  authInfo: AuthInfo = { peerAddress: null, identities: [], groups: [] };

  get(key: string): JsonValue | undefined {
    return ownValue(this.#values, key);
  }

  set(key: string, value: JsonValue): void {
    this.#values[key] = value;
  }

  /** A copy that later changes do not touch. */
  snapshot(): JsonObject {
    return cloneJson(this.#values);
  }
}
