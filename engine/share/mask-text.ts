/**
 * Masks what looks like a secret in a text: credentials of AUTH and Authorization, passwords in
 * URLs, values of names that stand for secrets, tokens of well-known shapes, private keys. Lines
 * stay lines, so that places in a policy remain right. Every expression is bounded: texts come
 * from anywhere.
 *
 * Source: RFC 4954 (AUTH), RFC 9110 §11.6 (Authorization), RFC 3986 §3.2.1 (userinfo), RFC 7468 (PEM).
 */
import { SECRET, isSecretName } from './secret-name.ts';

/** Shapes that providers give their keys, so that they can be found in texts. */
const TOKEN_SHAPES: readonly RegExp[] = [
  /\bSG\.[\w-]{16,64}\.[\w-]{16,64}/g,
  /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g,
  /\bxox[abeoprs]-[\w-]{10,250}/g,
  /\b(?:ghp|gho|ghu|ghs|ghr)_\w{20,250}/g,
  /\bgithub_pat_\w{20,250}/g,
  /\bglpat-[\w-]{16,100}/g,
  /\b[sr]k_(?:live|test)_\w{10,200}/g,
  /\bkey-[0-9a-f]{32}\b/g,
  /\bmd-[\w-]{20,60}\b/g,
  /\bAIza[\w-]{30,60}/g,
  /\bey[\w-]{10,2000}\.ey[\w-]{5,8000}\.[\w-]{0,2000}/g,
];

const PEM =
  /(-----BEGIN ([A-Z0-9 ]{0,40}PRIVATE KEY)-----)([\s\S]{0,20000}?)(-----END \2-----|$(?![\s\S]))/g;
const AUTH_LINE = /^([ \t>]{0,8}AUTH[ \t]+[\w-]{1,40}[ \t]+)\S.*$/gim;
const AUTHORIZATION =
  /(\b(?:proxy-)?authorization["'\]]{0,2}\s{0,4}[:=,]\s{0,4}["']?)(?:(\w{1,20})[ \t]{1,4})?[^\s"',;}\])]+/gi;
const SCHEME = /\b(Bearer|Basic)([ \t]+)[\w.~+/=-]{6,}/gi;
const COOKIE = /(\b(?:set-)?cookie["']?\s{0,4}:\s{0,4}["']?)[^\r\n"']+/gi;
const URL_USER =
  /\b([a-z][a-z0-9+.-]{1,20}:\/\/)([^\s/:@"'<>?#]{0,300})(?::([^\s/@"'<>]{0,300}))?@/gi;

const URL_QUERY = /([?&]([\w.-]{1,60})=)([^&\s"'<>#]{1,2000})/g;

const QUOTED = `"(?:[^"\\\\\\n]|\\\\.){0,4000}"|'(?:[^'\\\\\\n]|\\\\.){0,4000}'|\\[\\[[^\\]]{0,4000}\\]\\]`;
/** `name = "value"`, `"name": value`, `['name'] = …`: up to where the value begins. */
const ASSIGNED = /(?<![\w.-])([A-Za-z_][\w.-]{0,60})["'\]]{0,2}\s{0,5}(?:=>|:=|==|~=|[=:])\s{0,5}/g;
const QUOTED_VALUE = new RegExp(QUOTED, 'y');
const ANY_VALUE = new RegExp(`${QUOTED}|[^\\s"'{}()\\[\\],;&]+`, 'y');
/** `header("X-Api-Key", "value")` */
const ARGUMENT = new RegExp(
  `(["'])([A-Za-z_][\\w. -]{0,60})\\1(\\s{0,5},\\s{0,5})(${QUOTED})`,
  'g',
);
const BASIC_AUTH = new RegExp(
  `(basic_auth\\s{0,3}\\(\\s{0,5}[^,()]{1,300},\\s{0,5})(${QUOTED})`,
  'g',
);
/** A table of secrets: every text in it is one. */
const TABLE =
  /\b([A-Za-z_]\w{0,60})(\s{0,5}=\s{0,5}\{)([^{}]{0,20000}(?:\{[^{}]{0,4000}\}[^{}]{0,4000}){0,200})\}/g;
/** Words of Lua and JSON, and what is masked already. */
const NO_VALUE = /^(nil|null|unset|true|false|none|function|os\.getenv|•+.*)$/i;
const TABLE_NAMES = /(^|_)(users|logins|accounts|basic_auth)$/i;

/** Told of every value that was taken out. */
export type Found = (secret: string) => void;
const NOBODY: Found = () => {};

/** What people and machines wrote: transcripts, prints, replies, replies of services. */
export function maskText(text: string, found = NOBODY): string {
  if (text.length < 4) return text;
  return maskAssigned(maskCommon(text, found), ANY_VALUE, found);
}

/** A policy or a data file of it: only texts in quotes are values, names of variables stay. */
export function maskSource(text: string, found = NOBODY): string {
  const masked = maskCommon(text, found).replace(
    TABLE,
    (all: string, name: string, open: string, inside: string) =>
      isSecretName(name) || TABLE_NAMES.test(name)
        ? `${name}${open}${maskTable(inside, found)}}`
        : all,
  );
  return maskAssigned(masked, QUOTED_VALUE, found);
}

function maskCommon(text: string, found: Found): string {
  let masked = text
    .replace(
      PEM,
      (_all, begin: string, _kind, key: string, end: string) =>
        begin + key.replace(/[^\n]+/g, SECRET) + end,
    )
    .replace(AUTH_LINE, `$1${SECRET}`)
    .replace(AUTHORIZATION, (_all, start: string, scheme?: string) =>
      scheme === undefined ? `${start}${SECRET}` : `${start}${scheme} ${SECRET}`,
    )
    .replace(SCHEME, `$1$2${SECRET}`)
    .replace(COOKIE, `$1${SECRET}`)
    .replace(URL_USER, (_all, scheme: string, user: string, password?: string) => {
      if (user === '' && password === undefined) return `${scheme}@`;
      found(password ?? user);
      return password === undefined ? `${scheme}${SECRET}@` : `${scheme}${user}:${SECRET}@`;
    })
    .replace(URL_QUERY, (all: string, start: string, name: string, value: string) => {
      if (!isSecretName(name)) return all;
      found(value);
      return start + SECRET;
    })
    .replace(ARGUMENT, (all: string, quote: string, name: string, comma: string, value: string) =>
      isSecretName(name) ? `${quote}${name}${quote}${comma}${maskQuoted(value, found)}` : all,
    )
    .replace(BASIC_AUTH, (_all, start: string, value: string) => start + maskQuoted(value, found));
  for (const shape of TOKEN_SHAPES) masked = masked.replace(shape, SECRET);
  return masked;
}

/** @param wanted sticky: what a value may look like */
function maskAssigned(text: string, wanted: RegExp, found: Found): string {
  let masked = '';
  let done = 0;
  for (const { 0: assigned, 1: name = '', index } of text.matchAll(ASSIGNED)) {
    // Header fields with schemes were masked before, with their scheme left.
    if (index < done || !isSecretName(name) || /(^|-)(authorization|cookie)$/i.test(name)) continue;
    wanted.lastIndex = index + assigned.length;
    const [value] = wanted.exec(text) ?? [];
    if (value === undefined || NO_VALUE.test(value)) continue;
    masked += text.slice(done, index + assigned.length) + maskQuoted(value, found);
    done = index + assigned.length + value.length;
  }
  return masked + text.slice(done);
}

/** Values of a table; keys in brackets stay: `['scott'] = '••••'`. */
function maskTable(inside: string, found: Found): string {
  return inside.replace(
    new RegExp(`(\\[\\s{0,3})?(${QUOTED})`, 'g'),
    (all, key?: string, value = '') => (key === undefined ? maskQuoted(String(value), found) : all),
  );
}

function maskQuoted(value: string, found: Found): string {
  found(unquoted(value));
  if (value.startsWith('[[')) return `[[${SECRET}${'\n'.repeat(value.split('\n').length - 1)}]]`;
  const [quote = ''] = /^["']/.exec(value) ?? [];
  return `${quote}${SECRET}${quote}`;
}

function unquoted(value: string): string {
  if (value.startsWith('[[')) return value.slice(2, -2);
  return /^["']/.test(value) ? value.slice(1, -1).replace(/\\(["'\\])/g, '$1') : value;
}
