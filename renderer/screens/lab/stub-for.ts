/** An answer to begin with for a question that nobody answered. Pure. */
import type { DryEffect, DryStub } from '../../../engine/api/protocol.ts';

/** Null when the question cannot be read from the call. */
export function stubFor({ question, args, result }: DryEffect): DryStub | null {
  const said = question ?? [...args, result].join(' ');
  const http = /\b(GET|POST|PUT|DELETE|PATCH|HEAD) (https?:\/\/[^\s'",)]+)/.exec(said);
  if (http) return { kind: 'http', match: `${http[1]} ${http[2]}`, status: 200, body: '' };
  const dns = /\b(?:DNS )?(A|AAAA|MX|TXT|PTR|CNAME) ([\w.-]+\.[\w-]+)/.exec(said);
  if (dns) return { kind: 'dns', match: `${dns[1]} ${dns[2]}`, answer: [] };
  const redis = /\bredis ([^'"]+)/i.exec(said);
  if (redis) return { kind: 'redis', match: (redis[1] ?? '').trim(), answer: '' };
  return null;
}
