/**
 * Settings from environment variables, for containers and builds: `captureLeaving` of
 * `postyard.json` is `POSTYARD_CAPTURE_LEAVING`. They win over the file; options of a command win
 * over them.
 */
import type { z } from 'zod';
import { checkValue, mistakeText } from '../files/schema-words.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const SWITCHES: ReadonlyMap<string, boolean> = new Map([
  ...['true', '1', 'on', 'yes'].map((word) => [word, true] as const),
  ...['false', '0', 'off', 'no'].map((word) => [word, false] as const),
]);

/** `captureLeaving` -> `POSTYARD_CAPTURE_LEAVING`. */
export function variableOf(setting: string): string {
  return `POSTYARD_${setting.replace(/[A-Z]/g, '_$&').toUpperCase()}`;
}

/** @throws {Error} a variable that says nothing its setting can be: with both */
export function readEnvironment(
  shape: Readonly<Record<string, z.ZodType>>,
  environment: Environment,
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(shape)) {
    const text = environment[variableOf(name)];
    if (text === undefined || text === '') continue;
    const checked = checkValue<unknown>(valueOf(schema, text), schema);
    if (!checked.ok) throw new Error(`${variableOf(name)}: ${mistakeText(checked.mistake)}`);
    values[name] = checked.value;
  }
  return values;
}

/** As the setting would be written in JSON; what cannot be one is left for the check to name. */
function valueOf(schema: z.ZodType, text: string): unknown {
  const takes = (value: unknown): boolean => schema.safeParse(value).success;
  if (takes(true)) return SWITCHES.get(text.toLowerCase()) ?? text;
  if (takes([])) return text.split(',').map((one) => one.trim());
  const number = Number(text);
  return takes(1_000_000_000) && !Number.isNaN(number) ? number : text;
}
