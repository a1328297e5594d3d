/**
 * `routes.json`: read with the line of what is wrong, and changed without touching what a person
 * wrote around it. Comments stay; a route that moves takes the comments above it along.
 *
 * Pure: texts in, texts out.
 */
import { findNodeAtLocation, getNodeValue, parseTree } from 'jsonc-parser';
import type { Node } from 'jsonc-parser';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { namedOnce, readJsonc } from '../files/checked-jsonc.ts';
import type { FileProblem } from '../files/checked-jsonc.ts';
import { changedJsonc } from '../files/edited-jsonc.ts';
import { checkValue } from '../files/schema-words.ts';
import { routeSchema } from './route.ts';
import type { Route } from './route.ts';

const SCHEMA_URL = 'https://postyard.example/schema/routes.json';
const EMPTY = `{\n  "$schema": "${SCHEMA_URL}",\n  "routes": []\n}\n`;

const fileSchema = z.strictObject({
  $schema: z.string().optional(),
  note: z.string().optional(),
  routes: z.array(routeSchema),
});

export type ReadRoutes =
  | { readonly ok: true; readonly routes: readonly Route[] }
  | { readonly ok: false; readonly problem: FileProblem };

/** The JSON Schema of the file, for editors. */
export function routesJsonSchema(): object {
  return { $id: SCHEMA_URL, ...z.toJSONSchema(fileSchema, { io: 'input' }) };
}

/** An absent or empty file is a file without routes. */
export function readRoutes(text: string): ReadRoutes {
  if (text.trim() === '') return { ok: true, routes: [] };
  const read = readJsonc(text, fileSchema, ({ routes }) => namedOnce('routes', routes));
  return read.ok ? { ok: true, routes: read.value.routes } : read;
}

/** What is wrong with one route, in words with the place in it; null when nothing is. */
export function checkRoute(
  value: unknown,
): { ok: true; route: Route } | { ok: false; path: string; message: string } {
  const checked = checkValue(value, routeSchema);
  if (checked.ok) return { ok: true, route: checked.value };
  const { path, message } = checked.mistake;
  return { ok: false, path: path.join('.'), message };
}

/** Adds the route, or changes the one of that name; `at` is where a new one goes. */
export function withRoute(text: string, route: Route, at?: number): string {
  const file = text.trim() === '' ? EMPTY : text;
  const names = namesIn(file);
  const index = names.indexOf(route.name);
  if (index < 0) {
    const place = Math.min(at ?? names.length, names.length);
    return changedJsonc(file, ['routes', place], plain(route), 'insert');
  }
  return withFields(file, index, plain(route));
}

/** Another name for a route, in its place. */
export function renamed(text: string, from: string, to: string): string {
  const index = namesIn(text).indexOf(from);
  return index < 0 ? text : changedJsonc(text, ['routes', index, 'name'], to);
}

export function withEnabled(text: string, name: string, enabled: boolean): string {
  const index = namesIn(text).indexOf(name);
  const node = routesNode(text)?.children?.[index];
  const old = node && findNodeAtLocation(node, ['enabled']);
  const named = node && findNodeAtLocation(node, ['name']);
  if (named === undefined) return text;
  // Beside the name, so that a route in one line stays in one line.
  const [from, to, value] =
    old === undefined
      ? [named.offset + named.length, named.offset + named.length, `, "enabled": ${enabled}`]
      : [old.offset, old.offset + old.length, String(enabled)];
  if (old === undefined && enabled) return text;
  return text.slice(0, from) + value + text.slice(to);
}

export function withoutRoute(text: string, name: string): string {
  const index = namesIn(text).indexOf(name);
  return index < 0 ? text : changedJsonc(text, ['routes', index], undefined);
}

/** The routes in this order; those that are not named follow in the order they had. */
export function withOrder(text: string, order: readonly string[]): string {
  const list = routesNode(text);
  const children = list?.children ?? [];
  if (list === undefined || children.length < 2) return text;
  const names = namesIn(text);
  const wanted = [
    ...order.filter((name) => names.includes(name)),
    ...names.filter((name) => !order.includes(name)),
  ];
  const pieces = piecesOf(text, list, children);
  const body = wanted
    .map((name, index) => {
      const { lead, node, trail } = pieces[names.indexOf(name)] ?? {
        lead: '',
        node: '',
        trail: '',
      };
      return `${lead}${node}${index < wanted.length - 1 ? ',' : ''}${trail}`;
    })
    .join('');
  const last = children.at(-1);
  const end = last === undefined ? list.offset + 1 : afterElement(text, last).end;
  return text.slice(0, list.offset + 1) + body + text.slice(end);
}

interface Piece {
  /** Blanks and comments before it. */
  readonly lead: string;
  readonly node: string;
  /** A comment behind it in its last line. */
  readonly trail: string;
}

function piecesOf(text: string, list: Node, children: readonly Node[]): Piece[] {
  let from = list.offset + 1;
  return children.map((child) => {
    const lead = text.slice(from, child.offset);
    const node = text.slice(child.offset, child.offset + child.length);
    const { end, trail } = afterElement(text, child);
    from = end;
    return { lead, node, trail };
  });
}

/** After its comma, and after a comment that stands in the same line. */
function afterElement(text: string, child: Node): { end: number; trail: string } {
  const start = child.offset + child.length;
  const [comma = ''] = /^\s*,/.exec(text.slice(start)) ?? [];
  const rest = text.slice(start + comma.length);
  const [trail = ''] = /^[ \t]*\/\/[^\n]*/.exec(rest) ?? [];
  return { end: start + comma.length + trail.length, trail };
}

function withFields(text: string, index: number, route: Readonly<Record<string, unknown>>): string {
  const list = routesNode(text);
  const node = list && findNodeAtLocation(list, [index]);
  const old = (node ? getNodeValue(node) : {}) as Record<string, unknown>;
  let result = text;
  for (const key of new Set([...Object.keys(old), ...Object.keys(route)])) {
    if (isDeepStrictEqual(old[key], route[key])) continue;
    const isDefault = key === 'enabled' && old[key] === undefined && route[key] === true;
    if (!isDefault) result = changedJsonc(result, ['routes', index, key], route[key]);
  }
  return result;
}

/** Without what says nothing. */
function plain(route: Route): Record<string, unknown> {
  return Object.fromEntries(Object.entries(route).filter(([, value]) => value !== undefined));
}

function routesNode(text: string): Node | undefined {
  const tree = parseTree(text, [], { allowTrailingComma: true });
  return tree && findNodeAtLocation(tree, ['routes']);
}

function namesIn(text: string): string[] {
  return (routesNode(text)?.children ?? []).map((child) => {
    const name = findNodeAtLocation(child, ['name']);
    return name === undefined ? '' : String(getNodeValue(name));
  });
}
