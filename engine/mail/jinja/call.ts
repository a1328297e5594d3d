/**
 * Calls inside a template: arguments, and what a function, filter or method may ask of the
 * rendering it runs in.
 */
import type { Random } from '../../base/random.ts';
import type { EpochMs } from '../../base/clock.ts';
import { Fault } from './fault.ts';
import { bigintOf, display, HostValue, isTrue, kindOf } from './value.ts';
import type { Value } from './value.ts';

/** Time and chance, for `now`, `random` and their like. */
export interface TemplateSources {
  readonly now: () => EpochMs;
  readonly random: Random;
}

/** The part of a rendering that callables see. */
export interface CallContext {
  readonly sources: TemplateSources | null;
  /** How `{{ }}` escapes at this point. */
  readonly escaping: 'none' | 'html' | 'json';
  lookup(name: string): Value;
  applyFilter(name: string, value: Value, args: Args): Value;
  applyTest(name: string, value: Value, args: Args): boolean;
}

export class Args {
  readonly positional: readonly Value[];
  readonly keyword: ReadonlyMap<string, Value>;

  constructor(positional: readonly Value[], keyword: ReadonlyMap<string, Value> = NO_KEYWORDS) {
    this.positional = positional;
    this.keyword = keyword;
  }

  /** At most this many positional arguments. @throws {Fault} */
  atMost(count: number): this {
    if (this.positional.length > count) throw new Fault('tooManyArguments');
    return this;
  }

  /** A positional argument, or the keyword of this name. */
  get(index: number, name: string): Value {
    return this.positional[index] ?? this.keyword.get(name);
  }

  required(index: number, name: string): Value {
    const value = this.get(index, name);
    if (value === undefined) throw new Fault('missingArgument');
    return value;
  }

  text(index: number, name: string): string | undefined {
    const value = this.get(index, name);
    return value === undefined || value === null ? undefined : display(value);
  }

  integer(index: number, name: string): number | undefined {
    const value = this.get(index, name);
    if (value === undefined || value === null) return undefined;
    const number = bigintOf(value);
    if (number === undefined) {
      throw new Fault('operation', `cannot convert ${kindOf(value)} to i64`);
    }
    return Number(number);
  }

  flag(index: number, name: string): boolean | undefined {
    const value = this.get(index, name);
    return value === undefined || value === null ? undefined : isTrue(value);
  }
}

const NO_KEYWORDS: ReadonlyMap<string, Value> = new Map();

export type Filter = (value: Value, args: Args, context: CallContext) => Value;
export type Test = (value: Value, args: Args, context: CallContext) => boolean;

/** A function that templates can call. */
export class Callable extends HostValue {
  readonly display: string;
  readonly call: (args: Args, context: CallContext) => Value;

  constructor(name: string, call: (args: Args, context: CallContext) => Value) {
    super();
    this.display = name;
    this.call = call;
  }
}
