/**
 * Opaque cursors of lists: the sort key of the last row that was given, so that rows inserted
 * meanwhile move nothing. A cursor that is no cursor is the caller's fault and says so.
 */
export function encodeCursor(key: readonly number[]): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/** @throws {RangeError} the text is not a cursor with `length` numbers */
export function decodeCursor(cursor: string, length: number): number[] {
  try {
    const key: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (Array.isArray(key) && key.length === length && key.every(Number.isFinite)) {
      return key as number[];
    }
  } catch {
    // Not JSON: answered below, like every other wrong cursor.
  }
  throw new RangeError(`Cannot continue the list: ${JSON.stringify(cursor)} is not its cursor`);
}
