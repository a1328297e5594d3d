/**
 * The trace that says where a parser stopped, in the layout KumoMTA's parsers use. Clients see it
 * in multi-line 501 replies, policies and HTTP clients in error texts.
 *
 * Each step is three lines and a blank one: what was expected, the input, a caret under the place.
 */
export interface TraceStep {
  /** `expected "Postmaster" but found "x@"` or `in Alt`. */
  readonly what: string;
  /** Index into the text. */
  readonly at: number;
}

export function syntaxTrace(text: string, steps: readonly TraceStep[]): string {
  return steps.map((step) => traceStep(text, step)).join('');
}

function traceStep(text: string, step: TraceStep): string {
  if (text === '') return `Error at line 1, ${step.what}:\n\n^\n\n`;
  const before = '_'.repeat(step.at);
  const after = '_'.repeat(Math.max(0, text.length - step.at - 1));
  return `Error at line 1, ${step.what}:\n${text}\n${before}^${after}\n\n`;
}

/** `expected "tag" but found "…"`, the found part cut to the tag's length. */
export function expectedTag(tag: string, text: string, at: number): TraceStep {
  const found = text.slice(at, at + tag.length);
  return { what: `expected ${JSON.stringify(tag)} but found ${JSON.stringify(found)}`, at };
}
