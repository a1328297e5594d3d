/**
 * One request and its answer: the body read within its limit (which counts what comes out of the
 * decompression), the answer compressed when the client likes it.
 *
 * Source: reference `http-logs-reception.md` §1.7; axum's texts.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { createGunzip, createInflate, deflateSync, gzipSync } from 'node:zlib';
import type { AuthInfo } from '../../mail/connection-meta.ts';
import { toError } from '../../base/assert.ts';
import { HttpRefusal } from './http-problem.ts';
import { JsonFault, readJson } from './json-reader.ts';
import type { Shape } from './json-reader.ts';

/** An answer as a route returns it. */
export interface Answer {
  readonly status?: number;
  /** A text is sent as plain text, anything else as JSON; `contentType` says otherwise. */
  readonly body: unknown;
  readonly contentType?: string;
}

/** A request as a route sees it. */
export interface KumoRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** `ip:port` of the listener. */
  readonly listener: string;
  /** Of the listener. */
  readonly hostname: string;
  readonly peerIp: string;
  readonly localIp: string;
  readonly auth: AuthInfo;
  readonly contentType: string | undefined;
  readonly body: Uint8Array;
}

/** @throws {HttpRefusal} 415, 400 or 422, in axum's words */
export function jsonBody<T>(request: KumoRequest, shape: Shape<T>): T {
  if (!/^application\/([\w.-]+\+)?json\b/i.test(request.contentType ?? '')) {
    throw new HttpRefusal(415, 'Expected request with `Content-Type: application/json`');
  }
  try {
    return readJson(request.body, shape);
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error;
    throw error.kind === 'syntax'
      ? new HttpRefusal(400, `Failed to parse the request body as JSON: ${error.message}`)
      : wrongShape(error.message);
  }
}

/** JSON that is not what was expected. */
export function wrongShape(reason: string): HttpRefusal {
  return new HttpRefusal(
    422,
    `Failed to deserialize the JSON body into the target type: ${reason}`,
  );
}

/** @throws {HttpRefusal} 413, 415, or 400 for a body that cannot be decompressed */
export async function readBody(incoming: IncomingMessage, bytesMax: number): Promise<Uint8Array> {
  const encoding = (incoming.headers['content-encoding'] ?? 'identity').toLowerCase();
  const declared = Number(incoming.headers['content-length'] ?? 0);
  if (encoding === 'identity' && declared > bytesMax) throw tooLong();
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of decoded(incoming, encoding)) {
      length += (chunk as Buffer).length;
      if (length > bytesMax) throw tooLong();
      chunks.push(chunk as Buffer);
    }
  } catch (error) {
    if (error instanceof HttpRefusal) throw error;
    throw new HttpRefusal(400, `Failed to buffer the request body: ${toError(error).message}`);
  }
  return Buffer.concat(chunks);
}

function decoded(incoming: IncomingMessage, encoding: string): Readable {
  if (encoding === 'identity') return incoming;
  if (encoding === 'gzip') return incoming.pipe(createGunzip());
  if (encoding === 'deflate') return incoming.pipe(createInflate());
  throw new HttpRefusal(415, '');
}

function tooLong(): HttpRefusal {
  return new HttpRefusal(413, 'Failed to buffer the request body: length limit exceeded');
}

/** Answers shorter than this are not worth compressing. */
const COMPRESS_BYTES_MIN = 33;

export function sendAnswer(
  incoming: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
): void {
  const isText = typeof answer.body === 'string';
  const bytes = Buffer.from(isText ? (answer.body as string) : JSON.stringify(answer.body));
  const contentType =
    answer.contentType ?? (isText ? 'text/plain; charset=utf-8' : 'application/json');
  const encoding = bytes.length < COMPRESS_BYTES_MIN ? null : acceptedEncoding(incoming);
  const sent =
    encoding === 'gzip' ? gzipSync(bytes) : encoding === 'deflate' ? deflateSync(bytes) : bytes;
  response.writeHead(answer.status ?? 200, {
    ...(bytes.length > 0 ? { 'content-type': contentType } : {}),
    ...(encoding ? { 'content-encoding': encoding } : {}),
    vary: 'accept-encoding',
    'content-length': sent.length,
  });
  response.end(incoming.method === 'HEAD' ? undefined : sent);
}

function acceptedEncoding(incoming: IncomingMessage): 'gzip' | 'deflate' | null {
  const accepted = String(incoming.headers['accept-encoding'] ?? '')
    .split(',')
    .map((word) => word.trim().toLowerCase())
    .filter((word) => !/;\s*q=0(\.0*)?$/.test(word))
    .map((word) => word.split(';')[0]?.trim());
  if (accepted.includes('gzip')) return 'gzip';
  return accepted.includes('deflate') ? 'deflate' : null;
}
