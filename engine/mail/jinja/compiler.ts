/**
 * Statements to closures: compiled once, rendered often. A statement writes into the rendering and
 * says whether a loop has to end or go on.
 */
import type { Expression, MacroNode, Statement, Target } from './ast.ts';
import { Args, Callable } from './call.ts';
import { compile, compileArgs, compileCall } from './expression-compiler.ts';
import type { Evaluate } from './expression-compiler.ts';
import { atLine, Fault } from './fault.ts';
import { LoopVariable } from './loop.ts';
import { Scope } from './rendering.ts';
import type { Rendering } from './rendering.ts';
import { display, isDict, isList, isTrue, iterate, Safe } from './value.ts';
import type { Value } from './value.ts';

export type Flow = 'next' | 'break' | 'continue';
type Run = (r: Rendering) => Flow;

export function compileBody(statements: readonly Statement[]): Run {
  const runs = statements.map(compileStatement);
  return (r) => {
    for (const run of runs) {
      const flow = run(r);
      if (flow !== 'next') return flow;
    }
    return 'next';
  };
}

function compileStatement(statement: Statement): Run {
  const { line } = statement;
  switch (statement.type) {
    case 'text': {
      const { text } = statement;
      return effect((r) => r.write(text));
    }
    case 'emit': {
      const value = compile(statement.value);
      return effect((r) => r.emit(value(r)));
    }
    case 'if':
      return compileIf(statement);
    case 'for':
      return compileFor(statement);
    case 'with':
      return compileWith(statement);
    case 'set': {
      const value = compile(statement.value);
      const assign = compileTarget(statement.target);
      return effect((r) => atLine(line, () => assign(r, value(r))));
    }
    case 'setBlock': {
      const text = compileCapture(statement.body, statement.filter);
      const assign = compileTarget(statement.target);
      return effect((r) => assign(r, text(r)));
    }
    case 'filter': {
      const text = compileCapture(statement.body, statement.filter);
      return effect((r) => r.emit(text(r)));
    }
    case 'autoescape':
      return compileAutoescape(statement);
    case 'block': {
      const body = compileBody(statement.body);
      return (r) => r.inScope(() => body(r));
    }
    case 'include':
      return compileInclude(statement);
    case 'load': {
      const name = compile(statement.name);
      return (r) => {
        const missing = `template "${display(name(r))}" does not exist`;
        throw new Fault('templateNotFound', missing, line);
      };
    }
    case 'macro': {
      const { macro } = statement;
      const make = compileMacro(macro);
      return effect((r) => r.scope.set(macro.name, make(r)));
    }
    case 'call':
      return compileCallBlock(statement);
    case 'do': {
      const value = compile(statement.value);
      return effect((r) => void value(r));
    }
    case 'break':
    case 'continue':
      return () => statement.type;
  }
}

function effect(act: (r: Rendering) => void): Run {
  return (r) => {
    act(r);
    return 'next';
  };
}

function compileIf(statement: Statement & { type: 'if' }): Run {
  const test = compile(statement.test);
  const then = compileBody(statement.then);
  const otherwise = compileBody(statement.otherwise);
  return (r) => (isTrue(test(r)) ? then(r) : otherwise(r));
}

function compileFor(statement: Statement & { type: 'for' }): Run {
  const { line } = statement;
  const iterable = compile(statement.iterable);
  const condition = statement.condition && compile(statement.condition);
  const assign = compileTarget(statement.target);
  const body = compileBody(statement.body);
  const otherwise = compileBody(statement.otherwise);

  const pass = (r: Rendering, value: Value, depth: number): Flow => {
    const items = atLine(line, () => iterate(value));
    const kept = condition ? r.filterItems(items, assign, condition) : items;
    if (kept.length === 0) return otherwise(r);
    const recurse = statement.isRecursive
      ? (inner: Value): Value => new Safe(r.capture(() => void pass(r, inner, depth + 1)))
      : null;
    const loop = new LoopVariable(kept, depth, recurse);
    return r.inScope(() => {
      for (const current of kept) {
        r.scope.reset();
        loop.advance();
        r.scope.set('loop', loop);
        atLine(line, () => assign(r, current));
        if (body(r) === 'break') break;
      }
      return 'next';
    });
  };
  return (r) => pass(r, iterable(r), 0);
}

function compileWith(statement: Statement & { type: 'with' }): Run {
  const assignments = statement.assignments.map(
    ([target, value]) => [compileTarget(target), compile(value)] as const,
  );
  const body = compileBody(statement.body);
  return (r) =>
    r.inScope(() => {
      for (const [assign, value] of assignments) assign(r, value(r));
      return body(r);
    });
}

function compileAutoescape(statement: Statement & { type: 'autoescape' }): Run {
  const { line } = statement;
  const enabled = compile(statement.enabled);
  const body = compileBody(statement.body);
  return (r) => {
    const before = r.escaping;
    atLine(line, () => r.setEscaping(enabled(r)));
    const flow = body(r);
    r.escaping = before;
    return flow;
  };
}

function compileInclude(statement: Statement & { type: 'include' }): Run {
  const name = compile(statement.name);
  return (r) => {
    const wanted = name(r);
    if (statement.isOptional) return 'next';
    return atLine(statement.line, () => templateNotFound(wanted));
  };
}

/** Templates stand alone: there is never another one to include or extend. */
function templateNotFound(name: Value): never {
  const found = isList(name)
    ? 'tried to include one of multiple templates, none of which existed'
    : `tried to include non-existing template "${display(name)}"`;
  throw new Fault('templateNotFound', found);
}

/** What a body writes, as text, through a filter if there is one. */
function compileCapture(body: readonly Statement[], filter: Expression | null): Evaluate {
  const run = compileBody(body);
  const apply = filter && compileFilterChain(filter);
  return (r) => {
    const text = r.capture(() => r.inScope(() => void run(r)));
    const value: Value = r.escaping === 'none' ? text : new Safe(text);
    return apply ? apply(r, value) : value;
  };
}

function compileFilterChain(filter: Expression): (r: Rendering, value: Value) => Value {
  if (filter.type !== 'filter') return (_, value) => value;
  const inner = filter.of && compileFilterChain(filter.of);
  const args = compileArgs(filter.args);
  const { name, line } = filter;
  return (r, value) =>
    atLine(line, () => r.applyFilter(name, inner ? inner(r, value) : value, args(r)));
}

function compileMacro(macro: MacroNode): (r: Rendering) => Callable {
  const params = macro.params.map((p) => ({
    name: p.name,
    fallback: p.fallback && compile(p.fallback),
  }));
  const body = compileBody(macro.body);
  return (r) => {
    const home = r.scope;
    return new Callable(macro.name, (args) => {
      args.atMost(params.length);
      return r.inScopeOf(new Scope(home), () => {
        for (const [i, { name, fallback }] of params.entries()) {
          const given = args.get(i, name);
          r.scope.set(name, given === undefined && fallback ? fallback(r) : given);
        }
        r.scope.set('caller', args.keyword.get('caller'));
        return new Safe(r.capture(() => void body(r)));
      });
    });
  };
}

function compileCallBlock(statement: Statement & { type: 'call' }): Run {
  const caller = compileMacro(statement.caller);
  if (statement.call.type !== 'call') return () => 'next';
  const args = compileArgs(statement.call.args);
  const call = compileCall(statement.call, (r) => {
    const given = args(r);
    return new Args(given.positional, new Map([...given.keyword, ['caller', caller(r)]]));
  });
  return effect((r) => r.emit(call(r)));
}

function compileTarget(target: Target): (r: Rendering, value: Value) => void {
  switch (target.type) {
    case 'name':
      return (r, value) => r.scope.set(target.name, value);
    case 'dotted': {
      const of = compile(target.of);
      return (r, value) => r.setAttribute(of(r), target.name, value);
    }
    case 'list': {
      const targets = target.items.map(compileTarget);
      return (r, value) => {
        const items = isList(value) || isDict(value) ? iterate(value) : undefined;
        if (!items) throw new Fault('cannotUnpack', 'value is not iterable');
        if (items.length !== targets.length) {
          throw new Fault(
            'cannotUnpack',
            `sequence of wrong length (expected ${targets.length}, got ${items.length})`,
          );
        }
        for (const [i, assign] of targets.entries()) assign(r, items[i]);
      };
    }
  }
}
