/**
 * The user's settings, `postyard.json` in the workspace: small, optional, comments allowed.
 * A broken file is reported with its line; the start goes on with the defaults.
 */
import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { problemText, readJsonc } from '../files/checked-jsonc.ts';
import type { ReadJsonc } from '../files/checked-jsonc.ts';
import { checkValue, mistakeText } from '../files/schema-words.ts';
import { addressMistake, listenAddress } from './listen-addresses.ts';
import type { Reach } from './listen-addresses.ts';
import { readEnvironment } from './settings-environment.ts';

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
  smtp: listenAddress.default('127.0.0.1:1025'),
  http: listenAddress.default('127.0.0.1:8000'),
  ui: listenAddress.default('127.0.0.1:8025'),
  /** Also listen with TLS from the first byte on this address. */
  smtps: listenAddress.optional(),
});
const settingsSchema = settingsObject.readonly();

export const SETTING_NAMES = Object.keys(settingsObject.shape) as readonly (keyof Settings)[];

/** @throws {Error} the value is none for this setting, or none beside the others */
export function checkSetting(
  name: keyof Settings,
  value: unknown,
  beside: Readonly<Partial<Record<keyof Settings, unknown>>>,
  reach: Reach,
): void {
  const checked = checkValue<unknown>(value, settingsObject.shape[name]);
  if (!checked.ok) throw new Error(`Cannot set ${name}: ${mistakeText(checked.mistake)}`);
  const { [name]: _, ...others } = beside;
  const mistake = addressMistake({ ...others, [name]: checked.value }, reach);
  if (mistake !== null) throw new Error(`Cannot set ${name}: ${mistake.message}`);
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

export interface LoadOptions {
  /** In force while the file is broken; absent: the defaults. */
  readonly kept?: Settings;
  /** Default: this machine only. */
  readonly reach?: Reach;
}

export function loadSettings(
  file: string,
  { kept, reach = 'own' }: LoadOptions = {},
): LoadedSettings {
  const fixed = environmentSettings();
  const read = readSettings(file, reach);
  if (read.ok) return { settings: { ...read.value, ...fixed }, problem: null };
  const rest = kept ? 'what it said before stays' : 'the defaults are used';
  return {
    settings: kept ?? { ...DEFAULT_SETTINGS, ...fixed },
    problem: `${problemText(file, read.problem)}; ${rest}`,
  };
}

/** What is wrong with the file, with its line; null when nothing is. */
export function settingsProblem(file: string, reach: Reach): string | null {
  const read = readSettings(file, reach);
  return read.ok ? null : problemText(file, read.problem);
}

function readSettings(file: string, reach: Reach): ReadJsonc<Settings> {
  if (!existsSync(file)) return { ok: true, value: DEFAULT_SETTINGS };
  return readJsonc(readFileSync(file, 'utf8'), settingsSchema, (settings) =>
    addressMistake(settings, reach),
  );
}
