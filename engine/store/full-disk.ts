/** SQLITE_FULL (13), or the operating system's word for a full disk or quota. */
export function isFullError(error: Error): boolean {
  const { errcode, code } = error as Error & { errcode?: number; code?: string };
  if (code === 'ENOSPC' || code === 'EDQUOT') return true;
  return errcode !== undefined && (errcode & 0xff) === 13;
}
