/**
 * Rendering of Handlebars templates. A name that the current data lacks is looked for in the data
 * around it (recursive lookup); what is found nowhere prints as nothing.
 *
 * Source: reference `queues-delivery.md` §8; handlebars-rust.
 */
import { Fault } from '../jinja/fault.ts';
import type { JsonObject, JsonValue } from '../json.ts';
import { TemplateError } from '../template-error.ts';
import type { HandlebarsCall, HandlebarsPath, HandlebarsValue } from './expression.ts';
import { HELPERS } from './helpers.ts';
import { parseHandlebars } from './parser.ts';
import type { HandlebarsNode } from './parser.ts';
import { isTruthy, isObject, printValue } from './value.ts';

export function compileHandlebars(
  name: string,
  source: string,
): { render(context: JsonObject): string } {
  const located = <T>(body: () => T): T => {
    try {
      return body();
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      throw new TemplateError(
        error.message,
        { name, line: error.line ?? 1, source },
        { cause: error },
      );
    }
  };
  const nodes = located(() => parseHandlebars(source));
  const isEscaping = name.endsWith('.html');
  return {
    render: (context) =>
      located(() => {
        const frame: Frame = { data: context, locals: new Map(), parent: null };
        return renderNodes(nodes, frame, isEscaping);
      }),
  };
}

/** The data and variables of one block. */
interface Frame {
  readonly data: JsonValue | undefined;
  readonly locals: ReadonlyMap<string, JsonValue>;
  readonly parent: Frame | null;
}

function renderNodes(nodes: readonly HandlebarsNode[], frame: Frame, isEscaping: boolean): string {
  let text = '';
  for (const node of nodes) {
    switch (node.type) {
      case 'text':
        text += node.text;
        break;
      case 'output': {
        const printed = printValue(evaluateCall(node.call, frame));
        text += isEscaping && node.isEscaped ? escapeHtml(printed) : printed;
        break;
      }
      case 'partial':
        throw new Fault('operation', `Partial not found ${node.name}`, node.line);
      case 'block':
        text += renderBlock(node, frame, isEscaping);
        break;
    }
  }
  return text;
}

type Block = HandlebarsNode & { type: 'block' };

function renderBlock(block: Block, frame: Frame, isEscaping: boolean): string {
  const { call } = block;
  const body = (inner: Frame): string => renderNodes(block.body, inner, isEscaping);
  const otherwise = (): string => renderNodes(block.otherwise, frame, isEscaping);
  const [first] = call.params;
  const value = first && evaluate(first, frame);
  if (block.isInverted) {
    const subject = lookup(call.name, frame);
    return isTruthy(subject, false) ? otherwise() : body(frame);
  }
  switch (call.name.text) {
    case 'if':
    case 'unless': {
      const zero = call.hash.get('includeZero');
      const isMet = isTruthy(value, zero !== undefined && evaluate(zero, frame) === true);
      return isMet === (call.name.text === 'if') ? body(frame) : otherwise();
    }
    case 'with':
      if (!isTruthy(value, false)) return otherwise();
      return body(childFrame(frame, value, namedLocals(call, [value])));
    case 'each':
      return renderEach(call, value, frame, body) ?? otherwise();
    default:
      return renderSection(block, frame, body, otherwise);
  }
}

/** `{{#name}}`: a helper's answer as a condition, else the value as in Mustache. */
function renderSection(
  block: Block,
  frame: Frame,
  body: (inner: Frame) => string,
  otherwise: () => string,
): string {
  const value = evaluateCall(block.call, frame);
  if (Array.isArray(value)) return renderEach(block.call, value, frame, body) ?? otherwise();
  if (!isTruthy(value, false)) return otherwise();
  return body(isObject(value) ? childFrame(frame, value, new Map()) : frame);
}

function renderEach(
  call: HandlebarsCall,
  value: JsonValue | undefined,
  frame: Frame,
  body: (inner: Frame) => string,
): string | undefined {
  const entries: [string | number, JsonValue][] = Array.isArray(value)
    ? value.map((v, i) => [i, v])
    : isObject(value)
      ? Object.keys(value)
          .sort()
          .map((k) => [k, value[k] ?? null])
      : [];
  if (entries.length === 0) return undefined;
  return entries
    .map(([key, item], i) => {
      const locals = new Map<string, JsonValue>([
        ...namedLocals(call, [item, key]),
        ['@index', i],
        ['@key', key],
        ['@first', i === 0],
        ['@last', i === entries.length - 1],
      ]);
      return body(childFrame(frame, item, locals));
    })
    .join('');
}

function childFrame(
  parent: Frame,
  data: JsonValue | undefined,
  locals: ReadonlyMap<string, JsonValue>,
): Frame {
  return { data, locals, parent };
}

function namedLocals(
  call: HandlebarsCall,
  values: readonly (JsonValue | undefined)[],
): Map<string, JsonValue> {
  return new Map(call.blockParams.map((name, i) => [name, values[i] ?? null]));
}

function evaluate(value: HandlebarsValue, frame: Frame): JsonValue | undefined {
  switch (value.type) {
    case 'literal':
      return value.value;
    case 'path':
      return lookup(value.path, frame);
    case 'call':
      return evaluateCall(value.call, frame);
  }
}

function evaluateCall(call: HandlebarsCall, frame: Frame): JsonValue | undefined {
  if (call.literal !== undefined) return call.literal;
  const helper = HELPERS.get(call.name.text);
  if (helper) {
    return helper(call.params.map((p) => evaluate(p, frame)));
  }
  if (call.params.length > 0 || call.hash.size > 0) {
    throw new Fault('operation', `Helper not found ${call.name.text}`, call.line);
  }
  return lookup(call.name, frame);
}

function lookup(path: HandlebarsPath, frame: Frame): JsonValue | undefined {
  let start: Frame | null = frame;
  for (let i = 0; i < path.up && start; i++) start = start.parent;
  if (!start) return undefined;
  const [first, ...rest] = path.segments;
  if (first === undefined) return start.data;
  if (path.isLocal && first === 'root') return follow(rootOf(start).data, rest);
  const local = findLocal(path.isLocal ? `@${first}` : first, start);
  if (local !== undefined || path.isLocal) return follow(local, rest);
  for (let f: Frame | null = start; f; f = f.parent) {
    const found = follow(f.data, path.segments);
    if (found !== undefined) return found;
  }
  return undefined;
}

function findLocal(name: string, frame: Frame): JsonValue | undefined {
  for (let f: Frame | null = frame; f; f = f.parent) {
    if (f.locals.has(name)) return f.locals.get(name);
  }
  return undefined;
}

function rootOf(frame: Frame): Frame {
  return frame.parent ? rootOf(frame.parent) : frame;
}

function follow(data: JsonValue | undefined, segments: readonly string[]): JsonValue | undefined {
  let value = data;
  for (const segment of segments) {
    if (Array.isArray(value)) value = value[Number(segment)];
    else if (isObject(value) && Object.hasOwn(value, segment)) value = value[segment];
    else return undefined;
  }
  return value;
}

const HTML_ESCAPES: Readonly<Record<string, string>> = {
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '&': '&amp;',
  "'": '&#x27;',
  '`': '&#x60;',
  '=': '&#x3D;',
};

function escapeHtml(text: string): string {
  return text.replace(/[<>"&'`=]/g, (c) => HTML_ESCAPES[c] ?? c);
}
