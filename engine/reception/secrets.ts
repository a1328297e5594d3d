/** What stands for a secret wherever a person may read it. */
export const SECRET = '••••';

/** `AUTH PLAIN ••••`; any other line as it is. */
export function redactAuth(line: string): string {
  // Most lines do not begin with an A; looking at that is cheaper than the expression.
  const first = line.charCodeAt(0);
  if (first !== 0x41 && first !== 0x61) return line;
  return line.replace(/^(AUTH +\S+ +).+$/i, `$1${SECRET}`);
}
