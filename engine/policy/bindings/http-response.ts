/**
 * What a request got: status always, headers until the body was read, the body once.
 *
 * Source: reference `lua-api.md` §3.14.
 */
import { STATUS_CODES } from 'node:http';
import iconv from 'iconv-lite';
import type { HostMethod, UserdataType } from '../lua/host-function.ts';
import { HostObject } from '../lua/lua-value.ts';
import type { LuaValue } from '../lua/lua-value.ts';
import type { HttpAnswer } from './http-exchange.ts';
import { textOf } from './lua-data.ts';

export class HttpResponse extends HostObject {
  readonly luaTypeName = 'Response';
  readonly status: number;
  #answer: HttpAnswer | null;

  constructor(answer: HttpAnswer) {
    super();
    this.status = answer.status;
    this.#answer = answer;
  }

  /** @throws {Error} `broken response wrapper` when the body was read before */
  get answer(): HttpAnswer {
    if (!this.#answer) throw new Error('broken response wrapper');
    return this.#answer;
  }

  takeBody(): { body: Uint8Array; contentType: string | undefined } {
    const { body, headers } = this.answer;
    this.#answer = null;
    return { body, contentType: headers.find(([name]) => name === 'content-type')?.[1] };
  }
}

const statusTest = (name: string, hundred: number): HostMethod<HttpResponse> => ({
  effect: 'pure',
  signature: `status_is_${name}() -> boolean`,
  doc: `Whether the status is ${hundred}xx.`,
  run: ({ status }) => Math.floor(status / 100) === hundred,
});

export const RESPONSE_TYPE: UserdataType<HttpResponse> = {
  name: 'Response',
  class: HttpResponse,
  methods: {
    status_code: {
      effect: 'pure',
      signature: 'status_code() -> integer',
      doc: 'The status code.',
      run: ({ status }) => status,
    },
    status_reason: {
      effect: 'pure',
      signature: 'status_reason() -> string?',
      doc: "The usual phrase of the status code, whatever the server's was.",
      run: ({ status }) => STATUS_CODES[status],
    },
    status_is_informational: statusTest('informational', 1),
    status_is_success: statusTest('success', 2),
    status_is_redirection: statusTest('redirection', 3),
    status_is_client_error: statusTest('client_error', 4),
    status_is_server_error: statusTest('server_error', 5),
    headers: {
      effect: 'pure',
      signature: 'headers() -> HeaderMap',
      doc: 'The headers by name, in any case.',
      run: (response) => new HttpHeaderMap(response.answer.headers),
    },
    content_length: {
      effect: 'pure',
      signature: 'content_length() -> integer?',
      doc: 'The length the server announced.',
      run: (response) => {
        const length = response.answer.headers.find(([name]) => name === 'content-length')?.[1];
        return length === undefined ? undefined : Number(length);
      },
    },
    text: {
      effect: 'pure',
      signature: 'text() -> string',
      doc: 'The body as text in the charset of its type; readable once.',
      run: (response) => {
        const { body, contentType } = response.takeBody();
        const charset = /charset="?([\w-]+)/i.exec(contentType ?? '')?.[1] ?? 'utf-8';
        return iconv.decode(Buffer.from(body), iconv.encodingExists(charset) ? charset : 'utf-8');
      },
    },
    bytes: {
      effect: 'pure',
      signature: 'bytes() -> bytes',
      doc: 'The body as it came; readable once.',
      run: (response) => response.takeBody().body,
    },
  },
};

/** Headers of an answer; a name that repeats keeps its first value here. */
class HttpHeaderMap extends HostObject {
  readonly luaTypeName = 'HeaderMap';
  readonly headers: readonly (readonly [string, string])[];

  constructor(headers: readonly (readonly [string, string])[]) {
    super();
    this.headers = headers;
  }
}

export const HEADER_MAP_TYPE: UserdataType<HttpHeaderMap> = {
  name: 'HeaderMap',
  class: HttpHeaderMap,
  methods: {},
  index: ({ headers }, key): LuaValue => {
    const wanted = textOf(key)?.toLowerCase();
    return headers.find(([name]) => name === wanted)?.[1];
  },
  pairs: ({ headers }) => headers,
};
