/**
 * The bounce classifier of a policy: its files read, its patterns made. A file of KumoMTA's own
 * share folder that is not there is the one that comes with the engine.
 */
import { existsSync, readFileSync } from 'node:fs';
import { parse as parseToml } from 'smol-toml';
import { BounceClassifier } from '../log/bounce-classifier.ts';
import { bundledFile } from '../policy/bundled-share.ts';
import { errnoText } from '../policy/bindings/fs-errors.ts';
import { compileRegex } from '../policy/bindings/regex-compile.ts';

/** @throws {Error} a file is unreadable, of another kind, or has a rule that is no pattern */
export function readClassifier(
  files: readonly string[],
  mapPath: (file: string) => string,
): BounceClassifier {
  return new BounceClassifier(files, {
    read: (file) => classifierText(file, mapPath(file)),
    toml: parseToml,
    json: (text) => JSON.parse(text) as unknown,
    regex: (pattern) => classifierRegex(pattern),
  });
}

function classifierText(file: string, mapped: string): string {
  try {
    return readFileSync(existsSync(mapped) ? mapped : (bundledFile(file) ?? mapped), 'utf8');
  } catch (error) {
    throw new Error(`reading file: ${mapped}: ${errnoText(error)}`, { cause: error });
  }
}

/** A new search each time: the expression remembers where it stopped. */
function classifierRegex(pattern: string): { test(text: string): boolean } {
  const { expression } = compileRegex(pattern, 'fancy');
  return { test: (text) => text.search(expression) >= 0 };
}
