/**
 * Templates of the policy: maildir paths, log records, injected content. One door to the three
 * dialects KumoMTA knows; a compiled template is kept and shared.
 *
 * The name decides the escaping: `.html`, `.htm` and `.xml` escape for HTML, `.json`, `.js` and
 * `.yaml` print JSON, anything else prints values as they are. (A Handlebars template escapes for
 * `.html` only.)
 *
 * Source: reference `queues-delivery.md` §8, `http-logs-reception.md` §1.4.
 */
import type { JsonObject } from './json.ts';
import { compileHandlebars } from './handlebars/template.ts';
import type { TemplateSources } from './jinja/call.ts';
import { compileJinja } from './jinja/template.ts';

export type TemplateDialect = 'Jinja' | 'Static' | 'Handlebars';
export type { TemplateSources };

export interface Template {
  /**
   * @param sources time and chance for `now`, `random` and their like; without them these fail
   * @throws {TemplateError} the data does not fit what the template does with it
   */
  render(context: JsonObject, sources?: TemplateSources | null): string;
}

/** Compiled templates that are kept; the least recently used one goes first. */
const CACHE_SIZE_MAX = 1000;

const cache = new Map<string, Template>();

/**
 * Compiles a template, or returns the one that was compiled before.
 *
 * @param name decides the escaping and appears in errors
 * @throws {TemplateError} the source is not a template
 */
export function compileTemplate(
  name: string,
  source: string,
  dialect: TemplateDialect = 'Jinja',
): Template {
  if (dialect === 'Static') return { render: () => source };
  const key = `${dialect} ${name} ${source}`;
  const known = cache.get(key);
  if (known) {
    cache.delete(key);
    cache.set(key, known);
    return known;
  }
  const template =
    dialect === 'Jinja' ? compileJinja(name, source) : compileHandlebars(name, source);
  cache.set(key, template);
  if (cache.size > CACHE_SIZE_MAX) cache.delete(cache.keys().next().value ?? '');
  return template;
}
