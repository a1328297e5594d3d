/** What KumoMTA installs below `/opt/kumomta/share` and comes with this engine. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const SHARE_PREFIX = '/opt/kumomta/share/';
const BUNDLED_SHARE = join(import.meta.dirname, '../policy-extras');

/** The file that comes with the engine; `undefined` when there is none for this path. */
export function bundledFile(path: string): string | undefined {
  if (!path.startsWith(SHARE_PREFIX)) return undefined;
  const file = join(BUNDLED_SHARE, path.slice(SHARE_PREFIX.length));
  return file.startsWith(BUNDLED_SHARE) && existsSync(file) ? file : undefined;
}
