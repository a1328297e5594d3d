/**
 * `kumo.string.*`: splitting, replacing and trimming in Rust's manner (patterns are literal),
 * the public suffix list, templates, folding and response normalisation.
 *
 * Source: reference `lua-api.md` §3.11.
 */
import { parse as parseHost } from 'tldts';
import { normalizeSmtpResponse } from '../../mail/normalize-response.ts';
import { wrapText } from '../../mail/wrap.ts';
import type { HostCall, HostFunction } from '../lua/host-function.ts';
import type { LuaValue } from '../lua/lua-value.ts';
import type { BindingDeps, Bindings } from './bindings.ts';
import { evalTemplate } from './string-template.ts';

export function stringBindings(deps: BindingDeps): Bindings {
  return {
    modules: [
      {
        path: ['kumo', 'string'],
        functions: {
          ...splitFunctions,
          ...editFunctions,
          ...domainFunctions,
          ...textFunctions(deps),
        },
      },
    ],
    types: [],
  };
}

function pure(signature: string, doc: string, run: (call: HostCall) => LuaValue): HostFunction {
  return { effect: 'pure', signature, doc, run };
}

const splitFunctions = {
  split: pure('split(text, pattern) -> list', 'The pieces between occurrences of a text.', (call) =>
    split(call.string(1), call.string(2)),
  ),
  splitn: pure(
    'splitn(text, limit, pattern) -> list',
    'Like split, at most limit pieces; the last one holds the rest.',
    (call) => splitn(call.string(1), call.integer(2, 'usize'), call.string(3)),
  ),
  rsplit: pure('rsplit(text, pattern) -> list', 'The pieces from right to left.', (call) =>
    split(mirror(call.string(1)), mirror(call.string(2))).map(mirror),
  ),
  rsplitn: pure(
    'rsplitn(text, limit, pattern) -> list',
    'Like rsplit, at most limit pieces; the last one holds the rest on the left.',
    (call) =>
      splitn(mirror(call.string(1)), call.integer(2, 'usize'), mirror(call.string(3))).map(mirror),
  ),
  split_whitespace: pure(
    'split_whitespace(text) -> list',
    'The words between Unicode white space.',
    (call) =>
      call
        .string(1)
        .split(/\p{White_Space}+/u)
        .filter(Boolean),
  ),
  split_ascii_whitespace: pure(
    'split_ascii_whitespace(text) -> list',
    'The words between ASCII white space.',
    (call) =>
      call
        .string(1)
        .split(/[ \t\n\f\r]+/)
        .filter(Boolean),
  ),
};

const editFunctions = {
  replace: pure(
    'replace(text, from, to) -> string',
    'Every occurrence of a text replaced.',
    (call) => split(call.string(1), call.string(2)).join(call.string(3)),
  ),
  replacen: pure(
    'replacen(text, from, to, count) -> string',
    'The first occurrences of a text replaced.',
    (call) =>
      splitn(call.string(1), call.integer(4, 'usize') + 1, call.string(2)).join(call.string(3)),
  ),
  starts_with: pure('starts_with(text, prefix) -> boolean', 'Whether a text begins so.', (call) => {
    const prefix = call.bytes(2);
    return Buffer.from(call.bytes(1).subarray(0, prefix.length)).equals(prefix);
  }),
  ends_with: pure('ends_with(text, suffix) -> boolean', 'Whether a text ends so.', (call) => {
    const [text, suffix] = [call.bytes(1), call.bytes(2)];
    const start = text.length - suffix.length;
    return start >= 0 && Buffer.from(text.subarray(start)).equals(suffix);
  }),
  trim: pure('trim(text) -> string', 'Without white space at both ends.', (call) =>
    call.string(1).replace(/^\p{White_Space}+|\p{White_Space}+$/gu, ''),
  ),
  trim_start: pure('trim_start(text) -> string', 'Without white space at the start.', (call) =>
    call.string(1).replace(/^\p{White_Space}+/u, ''),
  ),
  trim_end: pure('trim_end(text) -> string', 'Without white space at the end.', (call) =>
    call.string(1).replace(/\p{White_Space}+$/u, ''),
  ),
};

const domainFunctions = {
  psl_domain: pure(
    'psl_domain(host) -> string?',
    'The registrable domain of a host name by the public suffix list.',
    (call) => suffixOf(call.string(1), 'domain'),
  ),
  psl_suffix: pure('psl_suffix(host) -> string?', 'The public suffix of a host name.', (call) =>
    suffixOf(call.string(1), 'publicSuffix'),
  ),
};

const textFunctions = (deps: BindingDeps) => ({
  eval_template: pure(
    'eval_template(name, template, context, dialect?) -> string',
    'Renders a template; the name decides escaping (.html, .json).',
    (call) => evalTemplate(call, { now: () => deps.mailClock.now(), random: deps.random }),
  ),
  wrap: pure(
    'wrap(text, soft_width?, hard_width?) -> string',
    'Folds a text at blanks with CRLF and a tab.',
    (call) => wrapText(call.string(1), call.optInteger(3, 'usize'), call.optInteger(2, 'usize')),
  ),
  normalize_smtp_response: pure(
    'normalize_smtp_response(text) -> string',
    'A response line with ids, addresses and times replaced by placeholders.',
    (call) => normalizeSmtpResponse(call.string(1)),
  ),
});

/** Rust's `split`: an empty pattern also matches before the first and after the last character. */
function split(text: string, pattern: string): string[] {
  return pattern === '' ? ['', ...text, ''] : text.split(pattern);
}

/** From right to left is left to right in a mirror. */
function mirror(text: string): string {
  return [...text].reverse().join('');
}

function splitn(text: string, limit: number, pattern: string): string[] {
  if (limit === 0) return [];
  const pieces = split(text, pattern);
  if (pieces.length <= limit) return pieces;
  return [...pieces.slice(0, limit - 1), pieces.slice(limit - 1).join(pattern)];
}

/** The part of `host` as it was written; the list itself is lower case. */
function suffixOf(host: string, part: 'domain' | 'publicSuffix'): string | undefined {
  const dot = host.endsWith('.') ? 1 : 0;
  const bare = host.slice(0, host.length - dot);
  const found = parseHost(bare, {
    allowPrivateDomains: true,
    detectIp: false,
    extractHostname: false,
    validateHostname: false,
  })[part];
  return found ? bare.slice(bare.length - found.length) + '.'.repeat(dot) : undefined;
}
