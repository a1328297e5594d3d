/** The syntax tree of a template, between `parser.ts` and `compiler.ts`. Lines start at 1. */
import type { Value } from './value.ts';

export type BinaryOperator =
  '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | '+' | '-' | '*' | '/' | '//' | '%' | '**' | '~';

export interface CallArgs {
  readonly positional: readonly { readonly value: Expression; readonly isSplat: boolean }[];
  /** `name: null` is `**value`. */
  readonly keyword: readonly { readonly name: string | null; readonly value: Expression }[];
}

export type Expression = { readonly line: number } & (
  | { readonly type: 'constant'; readonly value: Value }
  | { readonly type: 'variable'; readonly name: string }
  | { readonly type: 'attribute'; readonly of: Expression; readonly name: string }
  | { readonly type: 'item'; readonly of: Expression; readonly key: Expression }
  | {
      readonly type: 'slice';
      readonly of: Expression;
      readonly bounds: readonly (Expression | null)[];
    }
  | { readonly type: 'call'; readonly callee: Expression; readonly args: CallArgs }
  | {
      readonly type: 'filter';
      /** Null at the head of a filter block. */
      readonly of: Expression | null;
      readonly name: string;
      readonly args: CallArgs;
    }
  | {
      readonly type: 'test';
      readonly of: Expression;
      readonly name: string;
      readonly args: CallArgs;
    }
  | { readonly type: 'not' | 'negate'; readonly of: Expression }
  | {
      readonly type: 'and' | 'or';
      readonly left: Expression;
      readonly right: Expression;
    }
  | {
      readonly type: 'binary';
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | {
      readonly type: 'if';
      readonly test: Expression;
      readonly then: Expression;
      readonly otherwise: Expression | null;
    }
  | { readonly type: 'list'; readonly items: readonly Expression[] }
  | { readonly type: 'map'; readonly entries: readonly (readonly [Expression, Expression])[] }
);

/** What can stand left of `=`: a name, a dotted name (namespaces), or a list of targets. */
export type Target =
  | { readonly type: 'name'; readonly name: string }
  | { readonly type: 'dotted'; readonly of: Expression; readonly name: string }
  | { readonly type: 'list'; readonly items: readonly Target[] };

export interface MacroNode {
  readonly name: string;
  readonly params: readonly { readonly name: string; readonly fallback: Expression | null }[];
  readonly body: readonly Statement[];
}

export type Statement = { readonly line: number } & (
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'emit'; readonly value: Expression }
  | {
      readonly type: 'for';
      readonly target: Target;
      readonly iterable: Expression;
      readonly condition: Expression | null;
      readonly isRecursive: boolean;
      readonly body: readonly Statement[];
      readonly otherwise: readonly Statement[];
    }
  | {
      readonly type: 'if';
      readonly test: Expression;
      readonly then: readonly Statement[];
      readonly otherwise: readonly Statement[];
    }
  | {
      readonly type: 'with';
      readonly assignments: readonly (readonly [Target, Expression])[];
      readonly body: readonly Statement[];
    }
  | { readonly type: 'set'; readonly target: Target; readonly value: Expression }
  | {
      readonly type: 'setBlock';
      readonly target: Target;
      readonly filter: Expression | null;
      readonly body: readonly Statement[];
    }
  | {
      readonly type: 'autoescape';
      readonly enabled: Expression;
      readonly body: readonly Statement[];
    }
  | { readonly type: 'filter'; readonly filter: Expression; readonly body: readonly Statement[] }
  | { readonly type: 'block'; readonly name: string; readonly body: readonly Statement[] }
  | {
      readonly type: 'include';
      readonly name: Expression;
      readonly isOptional: boolean;
    }
  | { readonly type: 'load'; readonly name: Expression }
  | { readonly type: 'macro'; readonly macro: MacroNode }
  | { readonly type: 'call'; readonly call: Expression; readonly caller: MacroNode }
  | { readonly type: 'do'; readonly value: Expression }
  | { readonly type: 'break' | 'continue' }
);
