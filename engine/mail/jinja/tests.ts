/** The tests of templates: what may stand after `is`. */
import type { Args, Test } from './call.ts';
import { FILTERS } from './filters.ts';
import { isDivisible } from './list-filters.ts';
import { binary } from './operators.ts';
import {
  areEqual,
  bigintOf,
  isDict,
  isFloat,
  isInteger,
  isList,
  isNumber,
  isText,
  Safe,
  textOf,
  display,
} from './value.ts';
import type { Value } from './value.ts';

export const TESTS: ReadonlyMap<string, Test> = new Map<string, Test>([
  ['defined', (value) => value !== undefined],
  ['undefined', (value) => value === undefined],
  ['none', (value) => value === null],
  ['true', (value) => value === true],
  ['false', (value) => value === false],
  ['boolean', (value) => typeof value === 'boolean'],
  ['number', (value) => isNumber(value)],
  ['integer', (value) => isInteger(value)],
  ['int', (value) => isInteger(value)],
  ['float', (value) => isFloat(value)],
  ['string', (value) => isText(value)],
  ['sequence', (value) => isList(value)],
  ['mapping', (value) => isDict(value)],
  ['iterable', (value) => isList(value) || isDict(value) || isText(value)],
  ['safe', (value) => value instanceof Safe],
  ['escaped', (value) => value instanceof Safe],
  ['odd', (value) => isWhole(value) && (bigintOf(value) ?? 0n) % 2n !== 0n],
  ['even', (value) => isWhole(value) && (bigintOf(value) ?? 1n) % 2n === 0n],
  ['divisibleby', (value, args) => isDivisible(value, args.required(0, 'other'))],
  ['startingwith', (value, args) => display(value).startsWith(other(args))],
  ['endingwith', (value, args) => display(value).endsWith(other(args))],
  ['lower', (value) => isText(value) && textOf(value) === textOf(value).toLowerCase()],
  ['upper', (value) => isText(value) && textOf(value) === textOf(value).toUpperCase()],
  ['sameas', (value, args) => value === args.required(0, 'other')],
  ['filter', (value) => isText(value) && FILTERS.has(textOf(value))],
  ['test', (value): boolean => isText(value) && TESTS.has(textOf(value))],
  ['in', (value, args) => binary('in', value, args.required(0, 'container')) === true],
  ...comparisons('==', ['eq', 'equalto', '==']),
  ...comparisons('!=', ['ne', '!=']),
  ...comparisons('<', ['lt', 'lessthan', '<']),
  ...comparisons('<=', ['le', '<=']),
  ...comparisons('>', ['gt', 'greaterthan', '>']),
  ...comparisons('>=', ['ge', '>=']),
]);

function comparisons(
  operator: '==' | '!=' | '<' | '<=' | '>' | '>=',
  names: readonly string[],
): [string, Test][] {
  const test: Test = (value, args) => {
    const right = args.required(0, 'other');
    return operator === '==' ? areEqual(value, right) : binary(operator, value, right) === true;
  };
  return names.map((name) => [name, test]);
}

function isWhole(value: Value): boolean {
  return isInteger(value);
}

function other(args: Args): string {
  return display(args.required(0, 'other'));
}
