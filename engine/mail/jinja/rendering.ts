/**
 * One rendering of a template: the text so far, the variables, the escaping in force.
 *
 * Names are looked up from the innermost scope outwards, then in the context, then among the
 * functions every template has.
 */
import type { JsonObject } from '../json.ts';
import type { Args, CallContext, TemplateSources } from './call.ts';
import { escapeHtml } from './escape-html.ts';
import { Fault } from './fault.ts';
import { findFilter } from './filters.ts';
import { FUNCTIONS, Namespace } from './functions.ts';
import { TESTS } from './tests.ts';
import {
  display,
  isList,
  isDict,
  isTrue,
  isText,
  kindOf,
  Safe,
  textOf,
  jsonText,
} from './value.ts';
import type { Value } from './value.ts';

/** Variables of one block. */
export class Scope {
  readonly #parent: Scope | null;
  #names: Map<string, Value> | null = null;

  constructor(parent: Scope | null) {
    this.#parent = parent;
  }

  set(name: string, value: Value): void {
    this.#names ??= new Map();
    this.#names.set(name, value);
  }

  /** Forgets this scope's own variables: each turn of a loop starts without those of the last. */
  reset(): void {
    this.#names = null;
  }

  find(name: string): Value {
    // Walking the chain means looking at scopes that are not `this`.

    for (let scope: Scope | null = this; scope; scope = scope.#parent) {
      if (scope.#names?.has(name)) return scope.#names.get(name);
    }
    return undefined;
  }
}

export class Rendering implements CallContext {
  readonly #context: JsonObject;
  readonly sources: TemplateSources | null;
  escaping: 'none' | 'html' | 'json';
  readonly #initialEscaping: 'none' | 'html' | 'json';
  scope = new Scope(null);
  #out = '';

  constructor(
    context: JsonObject,
    escaping: 'none' | 'html' | 'json',
    sources: TemplateSources | null,
  ) {
    this.#context = context;
    this.escaping = escaping;
    this.#initialEscaping = escaping;
    this.sources = sources;
  }

  get text(): string {
    return this.#out;
  }

  write(text: string): void {
    this.#out += text;
  }

  emit(value: Value): void {
    this.#out += this.escaping === 'none' ? display(value) : this.#escaped(value);
  }

  #escaped(value: Value): string {
    if (value instanceof Safe) return value.text;
    if (this.escaping === 'json') return jsonText(value);
    if (isText(value) || isList(value) || isDict(value)) return escapeHtml(display(value));
    return display(value);
  }

  lookup(name: string): Value {
    const local = this.scope.find(name);
    if (local !== undefined) return local;
    if (Object.hasOwn(this.#context, name)) return this.#context[name];
    return FUNCTIONS.get(name);
  }

  inScope<T>(body: () => T): T {
    return this.inScopeOf(new Scope(this.scope), body);
  }

  inScopeOf<T>(scope: Scope, body: () => T): T {
    const before = this.scope;
    this.scope = scope;
    try {
      return body();
    } finally {
      this.scope = before;
    }
  }

  /** What `body` writes, instead of writing it. */
  capture(body: () => void): string {
    const before = this.#out;
    this.#out = '';
    body();
    const text = this.#out;
    this.#out = before;
    return text;
  }

  filterItems(
    items: readonly Value[],
    assign: (r: Rendering, value: Value) => void,
    condition: (r: Rendering) => Value,
  ): readonly Value[] {
    return this.inScope(() =>
      items.filter((item) => {
        assign(this, item);
        return isTrue(condition(this));
      }),
    );
  }

  setEscaping(value: Value): void {
    if (value === true) {
      this.escaping = this.#initialEscaping === 'none' ? 'html' : this.#initialEscaping;
    } else if (value === false || (isText(value) && textOf(value) === 'none')) {
      this.escaping = 'none';
    } else if (isText(value) && (textOf(value) === 'html' || textOf(value) === 'json')) {
      this.escaping = textOf(value) === 'html' ? 'html' : 'json';
    } else {
      throw new Fault('operation', 'invalid value to autoescape tag');
    }
  }

  setAttribute(value: Value, name: string, to: Value): void {
    if (!(value instanceof Namespace)) {
      throw new Fault('operation', `can only assign to namespaces, not ${kindOf(value)}`);
    }
    value.set(name, to);
  }

  applyFilter(name: string, value: Value, args: Args): Value {
    const filter = findFilter(name);
    if (!filter) throw new Fault('unknownFilter', `filter ${name} is unknown`);
    return filter(value, args, this);
  }

  applyTest(name: string, value: Value, args: Args): boolean {
    const test = TESTS.get(name);
    if (!test) throw new Fault('unknownTest', `test ${name} is unknown`);
    return test(value, args, this);
  }
}
