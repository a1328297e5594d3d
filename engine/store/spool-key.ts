/**
 * Spool ids as database keys: 16 bytes with the time first, so that new ids are appended to their
 * index instead of landing anywhere in it.
 *
 * Source: RFC 9562 §5.6 (the field order of version 6).
 */
import type { SpoolId } from '../base/ids.ts';

export function spoolKey(id: SpoolId): Uint8Array {
  return Buffer.from(
    `${id.slice(12, 16)}${id.slice(8, 12)}${id.slice(0, 8)}${id.slice(16)}`,
    'hex',
  );
}

export function spoolIdOf(key: Uint8Array): SpoolId {
  const text = Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('hex');
  return `${text.slice(8, 16)}${text.slice(4, 8)}${text.slice(0, 4)}${text.slice(16)}` as SpoolId;
}
