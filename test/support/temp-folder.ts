/** A folder of its own for a test, removed afterwards: `await using folder = tempFolder()`. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export interface TempFolder extends AsyncDisposable {
  readonly path: string;
}

export function tempFolder(): TempFolder {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'postyard-test-'));
  return {
    path: dir,
    async [Symbol.asyncDispose]() {
      await fs.promises.rm(dir, { recursive: true, force: true });
    },
  };
}
