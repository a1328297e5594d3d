/**
 * What a workspace contributes to a shared file besides its mail: the secrets that its files hold,
 * to be looked for everywhere, and the texts of its policy with their hashes.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { basename, extname, join, relative, sep } from 'node:path';
import type { SharedPolicy } from '../api/protocol.ts';
import { maskSource, maskText } from './mask-text.ts';
import type { Redactor } from './redactor.ts';
import { isSecretName } from './secret-name.ts';

const FILES_MAX = 1_000;
const FILE_BYTES_MAX = 1024 * 1024;
/** Kinds of files that are policy; what else lies there is data, keys and whatever. */
const POLICY_KINDS: ReadonlySet<string> = new Set(['.lua', '.toml', '.json', '.yaml', '.yml']);
const KEY_FILE = /\.(key|pem|p8|p12|env)$|^\.env|secret|password|passwd|token|credential/i;
/** Words that stand where a secret would, and mean nothing. */
const PLACEHOLDERS: ReadonlySet<string> = new Set([
  ...['string', 'number', 'boolean', 'true', 'false', 'example', 'localhost'],
]);

/**
 * The secrets that are written down in these files and folders, and those in the environment.
 * @param environment of the engine's process: policies read it
 */
export function secretsOf(
  places: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): string[] {
  const secrets = new Set<string>();
  const found = (secret: string): void => {
    if (!PLACEHOLDERS.has(secret.toLowerCase())) secrets.add(secret);
  };
  for (const file of places.flatMap(filesIn)) collect(file, found);
  for (const [name, value] of Object.entries(environment)) {
    // PWD is where a shell stands, a path is no secret.
    const isSecret = isSecretName(name) && !/^(OLD)?PWD$/.test(name);
    if (isSecret && value !== undefined && !value.startsWith('/')) found(value);
  }
  return [...secrets];
}

function collect(file: string, found: (secret: string) => void): void {
  const text = readText(file);
  if (text === null) return;
  if (KEY_FILE.test(basename(file)) && !POLICY_KINDS.has(extname(file)))
    for (const line of text.split('\n')) if (!line.includes('=')) found(line.trim());
  if (file.endsWith('.lua')) maskSource(text, found);
  else maskText(text, found);
}

export interface PolicyText {
  /** Relative to the workspace. */
  readonly path: string;
  readonly text: string;
}

/** The policy's files in order of path, with their secrets masked. */
export function policyTexts(folder: string, root: string, redactor: Redactor): PolicyText[] {
  return filesIn(folder)
    .filter((file) => POLICY_KINDS.has(extname(file)))
    .flatMap((file) => {
      const text = readText(file);
      const path = relative(root, file).split(sep).join('/');
      return text === null ? [] : [{ path: redactor.text(path), text: redactor.source(text) }];
    })
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Of masked texts: a hash of the real ones would let short secrets be guessed. */
export function policyHashes(texts: readonly PolicyText[]): Pick<SharedPolicy, 'sha256' | 'files'> {
  const files = texts.map(({ path, text }) => ({
    path,
    sha256: sha256(text),
    sizeBytes: Buffer.byteLength(text),
  }));
  const list = files.map((file) => `${file.sha256}  ${file.path}\n`).join('');
  return { sha256: sha256(list), files };
}

export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

function filesIn(place: string): string[] {
  const stat = statSync(place, { throwIfNoEntry: false });
  if (stat === undefined) return [];
  if (!stat.isDirectory()) return [place];
  return readdirSync(place, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .slice(0, FILES_MAX)
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Null: too large to be settings, gone, or not text. */
function readText(file: string): string | null {
  try {
    if (statSync(file).size > FILE_BYTES_MAX) return null;
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
  } catch {
    return null;
  }
}
