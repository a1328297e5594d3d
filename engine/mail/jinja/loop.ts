/** The variable `loop` inside a `for`. */
import type { Args } from './call.ts';
import { Callable } from './call.ts';
import { Fault } from './fault.ts';
import { areEqual, HostValue } from './value.ts';
import type { Value } from './value.ts';

export class LoopVariable extends HostValue {
  readonly #items: readonly Value[];
  readonly #depth: number;
  readonly #recurse: ((items: Value) => Value) | null;
  #index = -1;
  #lastChanged: readonly Value[] | null = null;

  constructor(items: readonly Value[], depth: number, recurse: ((items: Value) => Value) | null) {
    super();
    this.#items = items;
    this.#depth = depth;
    this.#recurse = recurse;
  }

  advance(): void {
    this.#index++;
  }

  get display(): string {
    return `<loop ${this.#index}/${this.#items.length}>`;
  }

  override get(key: string): Value {
    const { length } = this.#items;
    switch (key) {
      case 'index':
        return this.#index + 1;
      case 'index0':
        return this.#index;
      case 'revindex':
        return length - this.#index;
      case 'revindex0':
        return length - this.#index - 1;
      case 'length':
        return length;
      case 'first':
        return this.#index === 0;
      case 'last':
        return this.#index === length - 1;
      case 'depth':
        return this.#depth + 1;
      case 'depth0':
        return this.#depth;
      case 'previtem':
        return this.#items[this.#index - 1];
      case 'nextitem':
        return this.#items[this.#index + 1];
      case 'cycle':
        return new Callable(
          'cycle',
          (args) => args.positional[this.#index % args.positional.length],
        );
      case 'changed':
        return new Callable('changed', (args) => this.#changed(args.positional));
      default:
        return undefined;
    }
  }

  /** `loop(items)` in a recursive loop. */
  recurse(args: Args): Value {
    if (!this.#recurse) {
      throw new Fault('operation', 'cannot recurse outside of recursive loop');
    }
    return this.#recurse(args.required(0, 'iterable'));
  }

  #changed(values: readonly Value[]): boolean {
    const isSame = this.#lastChanged !== null && areEqual(this.#lastChanged, values);
    this.#lastChanged = values;
    return !isSame;
  }
}
