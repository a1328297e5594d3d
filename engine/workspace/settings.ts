/**
 * The user's settings, `postyard.json` in the workspace: small, optional, comments allowed.
 * A broken file is reported with its line; the start goes on with the defaults.
 */
import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';

const settingsSchema = z
  .strictObject({
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
    smtp: z.string().default('127.0.0.1:1025'),
    http: z.string().default('127.0.0.1:8000'),
    ui: z.string().default('127.0.0.1:8025'),
    /** Also listen with TLS from the first byte on this address. */
    smtps: z.string().optional(),
  })
  .readonly();

export type Settings = z.infer<typeof settingsSchema>;

export const DEFAULT_SETTINGS: Settings = settingsSchema.parse({});

export interface LoadedSettings {
  readonly settings: Settings;
  /** What was wrong, with file and line; the defaults are in force then. */
  readonly problem: string | null;
}

export function loadSettings(file: string): LoadedSettings {
  if (!existsSync(file)) return { settings: DEFAULT_SETTINGS, problem: null };
  const text = readFileSync(file, 'utf8');
  let value: unknown;
  try {
    value = JSON.parse(blankComments(text));
  } catch (error) {
    return {
      settings: DEFAULT_SETTINGS,
      problem: `${file}:${lineOfSyntaxError(text, error)}: ${(error as Error).message}; expected JSON, the defaults are used`,
    };
  }
  const parsed = settingsSchema.safeParse(value);
  if (parsed.success) return { settings: parsed.data, problem: null };
  const issue = parsed.error.issues[0];
  const key = String(issue?.path[0] ?? (issue?.code === 'unrecognized_keys' ? issue.keys[0] : ''));
  const line = text.slice(0, Math.max(0, text.indexOf(`"${key}"`))).split('\n').length;
  return {
    settings: DEFAULT_SETTINGS,
    problem: `${file}:${line}: ${key}: ${issue?.message ?? 'invalid'}; the defaults are used`,
  };
}

/** Comments become blanks of the same length, so that positions stay. */
export function blankComments(text: string): string {
  return text.replace(/"(?:\\.|[^"\\])*"|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (match) =>
    match.startsWith('"') ? match : match.replace(/[^\n]/g, ' '),
  );
}

function lineOfSyntaxError(text: string, error: unknown): number {
  const message = (error as Error).message;
  const line = /line (\d+)/.exec(message)?.[1];
  if (line !== undefined) return Number(line);
  const position = Number(/position (\d+)/.exec(message)?.[1] ?? text.length);
  return text.slice(0, position).split('\n').length;
}
