/**
 * The parts of KumoMTA's error texts that are Rust's debug output: replies, resolved addresses,
 * commands, options and system errors. Records contain them literally.
 *
 * Source: recorded records of KumoMTA; Rust's `Debug` of str, Option and SocketAddr; errno(3).
 */
import { constants } from 'node:os';
import type { ResolvedAddress } from '../dns/resolver.ts';
import type { SmtpReply } from '../mail/smtp-reply.ts';

/** `"text"` with Rust's escapes. */
export function debugText(text: string): string {
  const escaped = text.replace(
    /["\\\0\n\r\t]|[^\P{C}]/gu,
    (char) => ESCAPES[char] ?? unicode(char),
  );
  return `"${escaped}"`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\0': '\\0',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

function unicode(char: string): string {
  return `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;
}

export function debugOption(text: string | null): string {
  return text === null ? 'None' : `Some(${text})`;
}

/** `Response { code: 554, enhanced_code: None, content: "…", command: None }` */
export function debugReply(reply: SmtpReply): string {
  const { code, enhanced, text, command } = reply;
  const enhancedText =
    enhanced &&
    `EnhancedStatusCode { class: ${enhanced.class}, subject: ${enhanced.subject}, detail: ${enhanced.detail} }`;
  return (
    `Response { code: ${code}, enhanced_code: ${debugOption(enhancedText)}, ` +
    `content: ${debugText(text)}, command: ${debugOption(command === null ? null : debugText(command))} }`
  );
}

/** `Command("MAIL\x20FROM:<a@b>\r\n")`: blanks and everything unprintable as bytes. */
export function debugCommand(command: string): string {
  const escaped = command.replace(/[\0\n\r\t\\]|[^\x21-\x7e\u0080-\uffff]/g, (char) => {
    const known = char === '\\' ? '\\\\' : char === '"' ? undefined : ESCAPES[char];
    return known ?? `\\x${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
  });
  return `Command("${escaped}")`;
}

/** `127.0.0.1:25`, `[::1]:25`, the bare address without port, or the path of a unix socket. */
export function addressText(ip: string, port: number | null): string {
  if (port === null || ip.startsWith('/')) return ip;
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/** `ResolvedAddress { name: "mx.test", addr: 127.0.0.1:25, is_secure: false }` */
export function debugAddress(address: ResolvedAddress): string {
  const { name, ip, port, isSecure } = address;
  return `ResolvedAddress { name: ${debugText(name)}, addr: ${addressText(ip, port)}, is_secure: ${isSecure} }`;
}

/** `Connection refused (os error 111)`: the system's words and number, or the error's own. */
export function systemErrorText(error: Error): string {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const words = ERRNO_WORDS[code];
  const number = (constants.errno as Readonly<Record<string, number>>)[code];
  return words === undefined || number === undefined
    ? error.message
    : `${words} (os error ${number})`;
}

/** As strerror(3) says it in the C locale. */
const ERRNO_WORDS: Readonly<Record<string, string>> = {
  EACCES: 'Permission denied',
  EADDRINUSE: 'Address already in use',
  EADDRNOTAVAIL: 'Cannot assign requested address',
  EAFNOSUPPORT: 'Address family not supported by protocol',
  ECONNABORTED: 'Software caused connection abort',
  ECONNREFUSED: 'Connection refused',
  ECONNRESET: 'Connection reset by peer',
  EHOSTDOWN: 'Host is down',
  EHOSTUNREACH: 'No route to host',
  EINVAL: 'Invalid argument',
  EMFILE: 'Too many open files',
  ENETDOWN: 'Network is down',
  ENETUNREACH: 'Network is unreachable',
  ENOENT: 'No such file or directory',
  ENOTCONN: 'Transport endpoint is not connected',
  EPERM: 'Operation not permitted',
  EPIPE: 'Broken pipe',
  ETIMEDOUT: 'Connection timed out',
};
