/**
 * Expressions to closures: each returns its value for a rendering, and tells a fault its line.
 */
import type { CallArgs, Expression } from './ast.ts';
import { Args, Callable } from './call.ts';
import { atLine, Fault } from './fault.ts';
import { LoopVariable } from './loop.ts';
import { callMethod } from './methods.ts';
import { attribute, binary, item, negate, slice } from './operators.ts';
import type { Rendering } from './rendering.ts';
import {
  dictEntries,
  display,
  HostValue,
  isDict,
  isList,
  isTrue,
  iterate,
  kindOf,
  Safe,
} from './value.ts';
import type { Value } from './value.ts';

export type Evaluate = (r: Rendering) => Value;

export function compile(expression: Expression): Evaluate {
  const { line } = expression;
  switch (expression.type) {
    case 'constant': {
      const { value } = expression;
      return () => value;
    }
    case 'variable':
      return (r) => r.lookup(expression.name);
    case 'attribute': {
      const of = compile(expression.of);
      return (r) => {
        const value = of(r);
        return atLine(line, () => attribute(value, expression.name));
      };
    }
    case 'item': {
      const of = compile(expression.of);
      const key = compile(expression.key);
      return (r) => {
        const value = of(r);
        const wanted = key(r);
        return atLine(line, () => item(value, wanted));
      };
    }
    case 'slice': {
      const of = compile(expression.of);
      const bounds = expression.bounds.map((b) => (b ? compile(b) : () => undefined));
      return (r) => {
        const [start, stop, step] = bounds.map((b) => b(r));
        return atLine(line, () => slice(of(r), start, stop, step));
      };
    }
    case 'call':
      return compileCall(expression, compileArgs(expression.args));
    case 'filter':
    case 'test':
      return compileNamed(expression);
    case 'not': {
      const of = compile(expression.of);
      return (r) => !isTrue(of(r));
    }
    case 'negate': {
      const of = compile(expression.of);
      return (r) => atLine(line, () => negate(of(r)));
    }
    default:
      return compileCombined(expression);
  }
}

type Combined = Expression & { type: 'and' | 'or' | 'binary' | 'if' | 'list' | 'map' };

function compileCombined(expression: Combined): Evaluate {
  switch (expression.type) {
    case 'and':
    case 'or': {
      const left = compile(expression.left);
      const right = compile(expression.right);
      const stopsAt = expression.type === 'or';
      return (r) => {
        const value = left(r);
        return isTrue(value) === stopsAt ? value : right(r);
      };
    }
    case 'binary': {
      const left = compile(expression.left);
      const right = compile(expression.right);
      const { operator, line } = expression;
      return (r) => {
        const a = left(r);
        const b = right(r);
        return atLine(line, () => binary(operator, a, b));
      };
    }
    case 'if': {
      const test = compile(expression.test);
      const then = compile(expression.then);
      const otherwise = expression.otherwise ? compile(expression.otherwise) : () => undefined;
      return (r) => (isTrue(test(r)) ? then(r) : otherwise(r));
    }
    case 'list': {
      const items = expression.items.map(compile);
      return (r) => items.map((i) => i(r));
    }
    case 'map': {
      const entries = expression.entries.map(([k, v]) => [compile(k), compile(v)] as const);
      return (r) => new Map(entries.map(([k, v]) => [plainKey(k(r)), v(r)]));
    }
  }
}

function plainKey(key: Value): Value {
  return key instanceof Safe ? key.text : key;
}

function compileNamed(expression: Expression & { type: 'filter' | 'test' }): Evaluate {
  const of = expression.of ? compile(expression.of) : () => undefined;
  const args = compileArgs(expression.args);
  const { name, line, type } = expression;
  return (r) => {
    const value = of(r);
    const given = args(r);
    return atLine(line, () =>
      type === 'filter' ? r.applyFilter(name, value, given) : r.applyTest(name, value, given),
    );
  };
}

export function compileArgs(args: CallArgs): (r: Rendering) => Args {
  const positional = args.positional.map((a) => ({ value: compile(a.value), isSplat: a.isSplat }));
  const keyword = args.keyword.map((a) => ({ value: compile(a.value), name: a.name }));
  return (r) => {
    const values = positional.flatMap((a) => {
      const value = a.value(r);
      return a.isSplat ? iterate(value) : [value];
    });
    if (keyword.length === 0) return new Args(values);
    const named = new Map<string, Value>();
    for (const { name, value } of keyword) addKeyword(named, name, value(r));
    return new Args(values, named);
  };
}

function addKeyword(named: Map<string, Value>, name: string | null, value: Value): void {
  if (name !== null) named.set(name, value);
  else if (isDict(value)) for (const [k, v] of dictEntries(value)) named.set(display(k), v);
}

export function compileCall(
  expression: Expression & { type: 'call' },
  args: (r: Rendering) => Args,
): Evaluate {
  const { callee, line } = expression;
  if (callee.type === 'attribute') {
    const of = compile(callee.of);
    return (r) => {
      const value = of(r);
      const given = args(r);
      return atLine(line, () => callAttribute(r, value, callee.name, given));
    };
  }
  const target = compile(callee);
  const name = callee.type === 'variable' ? callee.name : null;
  return (r) => {
    const value = target(r);
    const given = args(r);
    return atLine(line, () => callValue(r, value, name, given));
  };
}

/** `value.name(…)`: a callable attribute first, then Python's methods of that kind of value. */
function callAttribute(r: Rendering, value: Value, name: string, args: Args): Value {
  const own = value instanceof HostValue || isDict(value) ? attribute(value, name) : undefined;
  if (own instanceof Callable) return own.call(args, r);
  if (own !== undefined && isDict(value)) return callValue(r, own, null, args);
  return callMethod(value, name, args);
}

function callValue(r: Rendering, value: Value, name: string | null, args: Args): Value {
  if (value instanceof Callable) return value.call(args, r);
  if (value instanceof LoopVariable) return value.recurse(args);
  if (value === undefined && name !== null) {
    throw new Fault('unknownFunction', `${name} is unknown`);
  }
  const isObject = isDict(value) || isList(value) || value instanceof HostValue;
  throw new Fault(
    'operation',
    isObject ? 'object is not callable' : `value of type ${kindOf(value)} is not callable`,
  );
}
