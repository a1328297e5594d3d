/**
 * The error of a template in any dialect, with the two texts KumoMTA shows: the engine's own, and
 * the longer one that quotes the line.
 *
 * Source: reference `queues-delivery.md` §8.
 */

/** What is wrong with a template, at compile time or while it is rendered. */
export class TemplateError extends Error {
  readonly templateName: string;
  /** What is wrong, without the place: `syntax error: unexpected end of input, expected …`. */
  readonly reason: string;
  readonly line: number;
  readonly sourceLine: string;

  /** The message is the template engine's own: `<reason> (in <name>:<line>)`. */
  constructor(
    reason: string,
    place: { name: string; line: number; source: string },
    options?: { cause?: unknown },
  ) {
    super(`${reason} (in ${place.name}:${place.line})`, options);
    this.name = 'TemplateError';
    this.templateName = place.name;
    this.reason = reason;
    this.line = place.line;
    this.sourceLine = place.source.split('\n')[place.line - 1]?.replace(/\r$/, '') ?? '';
  }

  /** The longer form that answers to injected templates have: it quotes the line. */
  get quoted(): string {
    const line = Buffer.from(this.sourceLine).subarray(0, SOURCE_LINE_BYTES_MAX).toString();
    return `${this.reason} (in template '${this.templateName}' line ${this.line}: '${line}')`;
  }
}

const SOURCE_LINE_BYTES_MAX = 1024;
