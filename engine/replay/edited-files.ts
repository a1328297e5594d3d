/** Unsaved texts of policy files: from paths as a window names them to real ones. */
import { isAbsolute, join, normalize, sep } from 'node:path';

/** Files and bytes that one request may carry. */
const FILES_MAX = 100;
const BYTES_MAX = 8 * 1024 * 1024;

/**
 * The real path of a policy file.
 * @throws {Error} it is outside of the policy folder, or no Lua file
 */
export function policyPath(policyFolder: string, path: string): string {
  const normal = normalize(path);
  if (isAbsolute(path) || normal === '..' || normal.startsWith(`..${sep}`) || path.includes('\0')) {
    throw new Error(`Cannot use ${path}: expected a path inside of the policy folder`);
  }
  if (!normal.endsWith('.lua')) throw new Error(`Cannot use ${path}: expected a file named *.lua`);
  return join(policyFolder, normal);
}

/** @throws {Error} a path is not in the policy folder, or it is too much */
export function editedFiles(
  policyFolder: string,
  files: Readonly<Record<string, string>>,
): ReadonlyMap<string, string> {
  const entries = Object.entries(files);
  const bytes = entries.reduce((sum, [, text]) => sum + Buffer.byteLength(text), 0);
  if (entries.length > FILES_MAX || bytes > BYTES_MAX) {
    throw new Error(
      `Cannot use ${entries.length} edited files of ${bytes} bytes: expected at most ${FILES_MAX} and ${BYTES_MAX}`,
    );
  }
  return new Map(entries.map(([path, text]) => [policyPath(policyFolder, path), text]));
}
