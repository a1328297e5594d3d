/** Jinja templates, compiled once. Faults leave as `TemplateError` with name, line and source. */
import type { JsonObject } from '../json.ts';
import { TemplateError } from '../template-error.ts';
import type { TemplateSources } from './call.ts';
import { compileBody } from './compiler.ts';
import { Fault } from './fault.ts';
import { parseTemplate } from './parser.ts';
import { Rendering } from './rendering.ts';

export function compileJinja(
  name: string,
  source: string,
): { render(context: JsonObject, sources?: TemplateSources | null): string } {
  const located = <T>(body: () => T): T => {
    try {
      return body();
    } catch (error) {
      throw asTemplateError(error, name, source);
    }
  };
  const body = located(() => compileBody(parseTemplate(source)));
  const escaping = escapingFor(name);
  return {
    render: (context, sources = null) =>
      located(() => {
        const rendering = new Rendering(context, escaping, sources);
        body(rendering);
        return rendering.text;
      }),
  };
}

function asTemplateError(error: unknown, name: string, source: string): unknown {
  if (error instanceof RangeError) {
    const reason = 'invalid operation: recursion limit exceeded';
    return new TemplateError(reason, { name, line: 1, source }, { cause: error });
  }
  if (!(error instanceof Fault)) return error;
  return new TemplateError(
    error.message,
    { name, line: error.line ?? 1, source },
    { cause: error },
  );
}

function escapingFor(name: string): 'none' | 'html' | 'json' {
  const extension = /\.([^.]+)$/.exec(name.replace(/\.j2$/, ''))?.[1] ?? '';
  if (['html', 'htm', 'xml'].includes(extension)) return 'html';
  return ['json', 'json5', 'js', 'yaml', 'yml'].includes(extension) ? 'json' : 'none';
}
