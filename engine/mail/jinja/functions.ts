/** The functions every template can call. */
import { Callable } from './call.ts';
import type { Args, CallContext } from './call.ts';
import { Fault } from './fault.ts';
import { lipsum } from './lipsum.ts';
import { dictEntries, display, float, HostValue, isDict } from './value.ts';
import type { Value } from './value.ts';

export const FUNCTIONS: ReadonlyMap<string, Value> = new Map(
  Object.entries({
    range,
    dict,
    namespace: (args: Args) => new Namespace(dictArgs(args)),
    cycler: (args: Args) => new Cycler(args.positional),
    joiner: (args: Args) => joiner(args.text(0, 'sep') ?? ', '),
    now: (_: Args, context: CallContext) => float(sourcesOf(context).now() / 1000),
    randrange,
    lipsum: (args: Args, context: CallContext) => lipsum(args, sourcesOf(context).random),
    debug: (args: Args) => args.positional.map(display).join(', '),
  } satisfies Record<string, (args: Args, context: CallContext) => Value>).map(([name, call]) => [
    name,
    new Callable(name, call),
  ]),
);

/** Elements that `range` may make. */
const RANGE_MAX = 100_000;

function range(args: Args): Value {
  const [first, second] = [args.integer(0, 'lower'), args.integer(1, 'upper')];
  if (first === undefined) throw new Fault('missingArgument');
  const step = args.integer(2, 'step') ?? 1;
  if (step === 0) throw new Fault('operation', 'cannot create range with step of 0');
  const [from, to] = second === undefined ? [0, first] : [first, second];
  const length = Math.max(Math.ceil((to - from) / step), 0);
  if (length > RANGE_MAX) throw new Fault('operation', 'range has too many elements');
  return Array.from({ length }, (_, i) => from + i * step);
}

function dict(args: Args): Value {
  return new Map(dictArgs(args));
}

function dictArgs(args: Args): [Value, Value][] {
  const [base] = args.positional;
  if (base !== undefined && !isDict(base)) throw new Fault('operation', 'expected a mapping');
  return [...(base === undefined ? [] : dictEntries(base)), ...args.keyword];
}

function sourcesOf(context: CallContext): NonNullable<CallContext['sources']> {
  if (context.sources) return context.sources;
  throw new Fault('operation', 'no clock is available to this template');
}

function randrange(args: Args, context: CallContext): Value {
  const [first, second] = [args.integer(0, 'n'), args.integer(1, 'm')];
  if (first === undefined) throw new Fault('missingArgument');
  const [from, to] = second === undefined ? [0, first] : [first, second];
  if (to <= from) throw new Fault('operation', 'range is empty');
  return from + Math.floor(sourcesOf(context).random.next() * (to - from));
}

/** A place to which loops can assign: `{% set ns.found = true %}`. */
export class Namespace extends HostValue {
  readonly #values: Map<string, Value>;

  constructor(entries: readonly (readonly [Value, Value])[]) {
    super();
    this.#values = new Map(entries.map(([k, v]) => [display(k), v]));
  }

  get display(): string {
    return display(new Map<Value, Value>(this.#values));
  }

  override get(key: string): Value {
    return this.#values.get(key);
  }

  set(key: string, value: Value): void {
    this.#values.set(key, value);
  }
}

class Cycler extends HostValue {
  readonly #items: readonly Value[];
  #at = 0;

  constructor(items: readonly Value[]) {
    super();
    if (items.length === 0) throw new Fault('operation', 'at least one value required');
    this.#items = items;
  }

  get display(): string {
    return 'cycler';
  }

  override get(key: string): Value {
    if (key === 'current') return this.#items[this.#at];
    if (key === 'next') {
      return new Callable('next', () => {
        const value = this.#items[this.#at];
        this.#at = (this.#at + 1) % this.#items.length;
        return value;
      });
    }
    if (key !== 'reset') return undefined;
    return new Callable('reset', () => {
      this.#at = 0;
      return undefined;
    });
  }
}

/** Empty the first time it is called, the separator from then on. */
function joiner(separator: string): Callable {
  let isFirst = true;
  return new Callable('joiner', () => {
    const text = isFirst ? '' : separator;
    isFirst = false;
    return text;
  });
}
