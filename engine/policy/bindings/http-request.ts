/**
 * A request being built: every method changes it and returns it, `send` uses it up.
 *
 * Source: reference `lua-api.md` §3.14; RFC 7578 for forms with parts.
 */
import type { HostCall, HostMethod, UserdataType } from '../lua/host-function.ts';
import { HostObject, LuaFloat, LuaTable } from '../lua/lua-value.ts';
import type { LuaValue } from '../lua/lua-value.ts';
import type { BindingDeps } from './bindings.ts';
import { signAwsV4 } from './crypto-aws.ts';
import type { AwsParams } from './crypto-aws.ts';
import { exchange, parseUrl } from './http-exchange.ts';
import type { HttpConnections } from './http-exchange.ts';
import { HttpResponse } from './http-response.ts';
import { bytesOf, pairsOf, textOf, textPairs } from './lua-data.ts';
import { after } from './settle.ts';
import { durationNs } from './time.ts';

interface Draft {
  readonly method: string;
  readonly url: URL;
  readonly headers: Map<string, string>;
  body: Uint8Array | null;
  timeoutMs: number;
}

export class HttpRequest extends HostObject {
  readonly luaTypeName = 'Request';
  readonly deps: BindingDeps;
  readonly #connections: HttpConnections;
  #draft: Draft | null;
  /** What is wrong with the request is told when it is sent, as reqwest does. */
  readonly #problem: Error | null;

  constructor(
    deps: BindingDeps,
    connections: HttpConnections,
    method: string,
    url: string,
    timeoutMs: number,
  ) {
    super();
    this.deps = deps;
    this.#connections = connections;
    const isHttp = URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
    this.#problem = isHttp ? null : new Error('builder error');
    this.#draft = {
      method,
      url: isHttp ? parseUrl(url) : new URL('http://invalid.invalid/'),
      headers: new Map(),
      body: null,
      timeoutMs,
    };
  }

  /** @throws {Error} `broken request builder` when the request was sent before */
  get draft(): Draft {
    if (!this.#draft) throw new Error('broken request builder');
    return this.#draft;
  }

  setHeader(name: string, value: string): void {
    this.draft.headers.set(name.toLowerCase(), value);
  }

  async send(): Promise<HttpResponse> {
    const { draft } = this;
    this.#draft = null;
    if (this.#problem) throw this.#problem;
    return new HttpResponse(await exchange(this.deps, this.#connections, draft));
  }
}

/** A method that changes the request and returns it. */
function step(
  effect: HostMethod<HttpRequest>['effect'],
  signature: string,
  doc: string,
  change: (request: HttpRequest, call: HostCall) => void | Promise<void>,
): HostMethod<HttpRequest> {
  return {
    effect,
    signature: `${signature} -> Request`,
    doc,
    run: (request, call) => {
      const changed = change(request, call);
      return changed ? changed.then(() => request) : request;
    },
  };
}

export const REQUEST_TYPE: UserdataType<HttpRequest> = {
  name: 'Request',
  class: HttpRequest,
  methods: {
    header: step('pure', 'header(name, value)', 'Sets a header.', (request, call) =>
      request.setHeader(headerName(call.string(1)), headerValue(call.string(2))),
    ),
    headers: step('pure', 'headers(table)', 'Sets several headers.', (request, call) => {
      for (const [name, value] of textPairs(call.value(1))) {
        request.setHeader(headerName(name), headerValue(value));
      }
    }),
    basic_auth: step(
      'pure',
      'basic_auth(user, password?)',
      'Sets HTTP Basic credentials.',
      (request, call) => {
        const credentials = `${call.string(1)}:${call.optString(2) ?? ''}`;
        request.setHeader('authorization', `Basic ${Buffer.from(credentials).toString('base64')}`);
      },
    ),
    bearer_auth: step('pure', 'bearer_auth(token)', 'Sets a bearer token.', (request, call) =>
      request.setHeader('authorization', `Bearer ${headerValue(call.string(1))}`),
    ),
    body: step('pure', 'body(text)', 'Sets the body.', (request, call) => {
      request.draft.body = Buffer.from(call.bytes(1));
    }),
    form_url_encoded: step(
      'pure',
      'form_url_encoded(table)',
      'Sets the body to form fields.',
      (request, call) => {
        request.draft.body = Buffer.from(new URLSearchParams(textPairs(call.value(1))).toString());
        request.setHeader('content-type', 'application/x-www-form-urlencoded');
      },
    ),
    form_multipart_data: step(
      'pure',
      'form_multipart_data(table)',
      'Sets the body to form parts.',
      (request, call) => setMultipart(request, call.value(1)),
    ),
    timeout: step('pure', 'timeout(duration)', 'Limits the whole exchange.', (request, call) => {
      request.draft.timeoutMs = timeoutOf(call.value(1));
    }),
    aws_sign_v4: step(
      'read',
      'aws_sign_v4(parameters)',
      'Signs the request for AWS, after its body was set.',
      (request, call) => {
        const { draft } = request;
        const signed = signAwsV4(request.deps, call, {
          method: draft.method,
          uri: draft.url.href,
          payload: draft.body ?? new Uint8Array(),
          headers: draft.headers,
        });
        return after(signed, ({ authorization, timestamp, sessionToken }: AwsParams) => {
          request.setHeader('authorization', authorization);
          request.setHeader('x-amz-date', timestamp);
          if (sessionToken !== undefined) request.setHeader('x-amz-security-token', sessionToken);
        }) as void | Promise<void>;
      },
    ),
    send: {
      effect: 'network',
      signature: 'send() -> Response',
      doc: 'Sends the request and waits for the answer.',
      run: (request) => request.send(),
    },
  },
};

function headerName(name: string): string {
  if (/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) return name;
  throw new Error('invalid HTTP header name');
}

function headerValue(value: string): string {
  if (/^[\t\u0020-\u007e\u0080-\uffff]*$/.test(value)) return value;
  throw new Error('failed to parse header value');
}

/** A text, or a number of the float subtype only: what KumoMTA's conversion takes. */
function timeoutOf(value: LuaValue): number {
  const text = textOf(value);
  const seconds =
    value instanceof LuaFloat
      ? value.value
      : typeof value === 'number' && !Number.isInteger(value)
        ? value
        : undefined;
  if (text !== undefined) return Number(durationNs(text)) / 1e6;
  if (seconds === undefined) throw new Error('invalid timeout duration');
  return seconds * 1000;
}

/** Fields are texts, or tables of data, file_name and content_type. */
function setMultipart(request: HttpRequest, value: LuaValue): void {
  if (!(value instanceof LuaTable)) throw new Error('invalid type: expected a table');
  const boundary = Buffer.from(request.deps.random.bytes(16)).toString('hex');
  const chunks: Uint8Array[] = [];
  for (const [key, field] of pairsOf(value)) {
    const table = field instanceof LuaTable ? field : null;
    const data = bytesOf(table ? table.get('data') : field);
    if (!data)
      throw new Error(
        `invalid value for field ${String(key)}: expected a string or a table with data`,
      );
    const fileName = textOf(table?.get('file_name'));
    const type = textOf(table?.get('content_type'));
    const file = fileName === undefined ? '' : `; filename="${quoted(fileName)}"`;
    chunks.push(
      Buffer.from(
        `--${boundary}\r\nContent-Disposition: form-data; name="${quoted(String(key))}"${file}\r\n` +
          `${type === undefined ? '' : `Content-Type: ${type}\r\n`}\r\n`,
      ),
      data,
      Buffer.from('\r\n'),
    );
  }
  chunks.push(Buffer.from(`--${boundary}--\r\n`));
  request.draft.body = Buffer.concat(chunks);
  request.setHeader('content-type', `multipart/form-data; boundary=${boundary}`);
}

/** RFC 7578 §2 with the HTML standard's escapes. */
function quoted(text: string): string {
  return text.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}
