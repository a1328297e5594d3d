/**
 * What can go wrong in a template. A `Fault` is thrown where it happens and learns its line on the
 * way out; `template.ts` turns it into the text that KumoMTA shows.
 *
 * Source: minijinja's error kinds and their descriptions.
 */
export const FAULT_KINDS = {
  syntax: 'syntax error',
  operation: 'invalid operation',
  undefined: 'undefined value',
  unknownFilter: 'unknown filter',
  unknownTest: 'unknown test',
  unknownFunction: 'unknown function',
  unknownMethod: 'unknown method',
  missingArgument: 'missing argument',
  tooManyArguments: 'too many arguments',
  templateNotFound: 'template not found',
  cannotUnpack: 'cannot unpack',
  badEscape: 'bad string escape',
} as const;

export class Fault extends Error {
  readonly kind: keyof typeof FAULT_KINDS;
  readonly detail: string | null;
  /** First line is 1; set by the innermost construct that knows where it stands. */
  line: number | null;

  constructor(
    kind: keyof typeof FAULT_KINDS,
    detail: string | null = null,
    line: number | null = null,
  ) {
    super(detail === null ? FAULT_KINDS[kind] : `${FAULT_KINDS[kind]}: ${detail}`);
    this.name = 'Fault';
    this.kind = kind;
    this.detail = detail;
    this.line = line;
  }
}

/** Runs `body`; a fault that does not know its line gets this one. */
export function atLine<T>(line: number, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (error instanceof Fault) error.line ??= line;
    throw error;
  }
}
