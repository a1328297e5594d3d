/**
 * The user's settings, `postyard.json` in the workspace: small, optional, comments allowed.
 * A broken file is reported with its line; the start goes on with the defaults.
 */
import { existsSync, readFileSync } from 'node:fs';
import { findNodeAtLocation, getNodeValue, parseTree, printParseErrorCode } from 'jsonc-parser';
import type { ParseError } from 'jsonc-parser';
import { z } from 'zod';

const address = z
  .string()
  .regex(/^(\[[0-9a-fA-F:.]+\]|[^:\s]+):\d{1,5}$/, 'expected IP:PORT such as 127.0.0.1:1025');

const settingsObject = z.strictObject({
  /** Advertise AUTH without TLS and accept any login. */
  acceptAnyAuth: z.boolean().default(true),
  /** Write mail that would leave this machine into a maildir instead. */
  captureLeaving: z.boolean().default(true),
  /** Hosts, addresses or networks that deliveries may reach besides loopback. */
  openHosts: z.array(z.string()).default([]),
  /** Folders outside the workspace that the policy and maildirs may use. */
  allowFolders: z.array(z.string()).default([]),
  /** What is kept: bytes of mail and days. Queued mail is never removed. */
  keepBytes: z.number().int().min(1_000_000).default(2_000_000_000),
  keepDays: z.number().min(0.01).default(30),
  /** Addresses of the listeners, `ip:port`; the next free port is taken when one is in use. */
  smtp: address.default('127.0.0.1:1025'),
  http: address.default('127.0.0.1:8000'),
  ui: address.default('127.0.0.1:8025'),
  /** Also listen with TLS from the first byte on this address. */
  smtps: address.optional(),
});
const settingsSchema = settingsObject.readonly();

export const SETTING_NAMES = Object.keys(settingsObject.shape) as readonly (keyof Settings)[];

/** @throws {Error} the value is none for this setting */
export function checkSetting(name: keyof Settings, value: unknown): void {
  const parsed = settingsObject.shape[name].safeParse(value);
  if (parsed.success) return;
  const [issue] = parsed.error.issues;
  throw new Error(`Cannot set ${name}: ${issue?.message ?? 'invalid'}`);
}

export type Settings = z.infer<typeof settingsSchema>;

export const DEFAULT_SETTINGS: Settings = settingsSchema.parse({});

export interface LoadedSettings {
  readonly settings: Settings;
  /** What was wrong, with file and line. */
  readonly problem: string | null;
}

/** @param kept in force while the file is broken; absent: the defaults */
export function loadSettings(file: string, kept?: Settings): LoadedSettings {
  if (!existsSync(file)) return { settings: DEFAULT_SETTINGS, problem: null };
  const text = readFileSync(file, 'utf8');
  const fallBack = (offset: number, what: string): LoadedSettings => {
    const line = text.slice(0, offset).split('\n').length;
    return {
      settings: kept ?? DEFAULT_SETTINGS,
      problem: `${file}:${line}: ${what}; ${kept ? 'what it said before stays' : 'the defaults are used'}`,
    };
  };
  const errors: ParseError[] = [];
  const tree = parseTree(text, errors, { allowTrailingComma: true });
  const [error] = errors;
  if (error) {
    const found = text.slice(error.offset).split(/\s/, 1)[0] || 'its end';
    const what = printParseErrorCode(error.error).replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ');
    return fallBack(error.offset, `not JSON: ${what.toLowerCase()} at ${found}`);
  }
  const parsed = settingsSchema.safeParse(tree && getNodeValue(tree));
  if (parsed.success) return { settings: parsed.data, problem: null };
  const [issue] = parsed.error.issues;
  const key = issue?.path[0] ?? (issue?.code === 'unrecognized_keys' ? issue.keys[0] : undefined);
  const node = tree && key !== undefined ? findNodeAtLocation(tree, [String(key)]) : undefined;
  const what =
    issue?.code === 'unrecognized_keys'
      ? `there is no setting ${String(key)}, expected one of ${SETTING_NAMES.join(', ')}`
      : `${String(key ?? 'settings')}: ${issue?.message ?? 'invalid'}`;
  return fallBack(node?.offset ?? 0, what);
}
