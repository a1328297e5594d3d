/**
 * The user's settings, `postyard.json` in the workspace: small, optional, comments allowed.
 * A broken file is reported with its line; the start goes on with the defaults.
 */
import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { problemText, readJsonc } from '../files/checked-jsonc.ts';
import { checkValue, mistakeText } from '../files/schema-words.ts';
import { readEnvironment } from './settings-environment.ts';

const address = z
  .string()
  .regex(/^(\[[0-9a-fA-F:.]+\]|[^:\s]+):\d{1,5}$/, 'expected IP:PORT such as 127.0.0.1:1025');

const settingsObject = z.strictObject({
  /** Advertise AUTH without TLS and accept any login. */
  acceptAnyAuth: z.boolean().default(true),
  /** Advertise STARTTLS also without a certificate of the policy's own. */
  offerStartTls: z.boolean().default(false),
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
  const checked = checkValue<unknown>(value, settingsObject.shape[name]);
  if (!checked.ok) throw new Error(`Cannot set ${name}: ${mistakeText(checked.mistake)}`);
}

export type Settings = z.infer<typeof settingsSchema>;

export const DEFAULT_SETTINGS: Settings = settingsSchema.parse({});

export interface LoadedSettings {
  readonly settings: Settings;
  /** What was wrong, with file and line. */
  readonly problem: string | null;
}

/** What the environment says, which wins over the file. @throws {Error} a variable that is wrong */
export function environmentSettings(environment = process.env): Partial<Settings> {
  return readEnvironment(settingsObject.shape, environment);
}

/** @param kept in force while the file is broken; absent: the defaults */
export function loadSettings(file: string, kept?: Settings): LoadedSettings {
  const fixed = environmentSettings();
  if (!existsSync(file)) return { settings: { ...DEFAULT_SETTINGS, ...fixed }, problem: null };
  const read = readJsonc(readFileSync(file, 'utf8'), settingsSchema);
  if (read.ok) return { settings: { ...read.value, ...fixed }, problem: null };
  const rest = kept ? 'what it said before stays' : 'the defaults are used';
  return {
    settings: kept ?? { ...DEFAULT_SETTINGS, ...fixed },
    problem: `${problemText(file, read.problem)}; ${rest}`,
  };
}
