/** What stands for a secret wherever a person may read it. */
export const SECRET = '••••';

/** `AUTH PLAIN ••••`; any other line as it is. */
export function redactAuth(line: string): string {
  return line.replace(/^(AUTH +\S+ +).+$/i, `$1${SECRET}`);
}
