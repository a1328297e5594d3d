/**
 * AWS Signature Version 4 for requests and for parameters given by hand.
 *
 * Source: AWS "Create a signed AWS API request"; reference `lua-api.md` §3.18.
 */
import { createHash, createHmac } from 'node:crypto';
import type { HostCall } from '../lua/host-function.ts';
import { LuaTable } from '../lua/lua-value.ts';
import type { BindingDeps } from './bindings.ts';
import { keySpec, readKey } from './key-source.ts';
import { bytesOf, isAbsent, textOf, textPairs } from './lua-data.ts';
import { after } from './settle.ts';
import { Time } from './time-values.ts';

export interface AwsParams {
  readonly authorization: string;
  readonly timestamp: string;
  readonly canonicalRequest: string;
  readonly stringToSign: string;
  readonly signature: string;
  readonly sessionToken: string | undefined;
}

interface SignedPart {
  readonly method: string;
  readonly uri: string;
  readonly payload: Uint8Array;
  readonly headers: ReadonlyMap<string, string>;
}

/** Signs `part`, or what the parameter table (argument 1) describes when there is none. */
export function signAwsV4(
  deps: BindingDeps,
  call: HostCall,
  part?: SignedPart,
): AwsParams | Promise<AwsParams> {
  const table = call.value(1);
  if (!(table instanceof LuaTable)) {
    throw call.badArgument(1, `error converting Lua ${call.typeName(1)} to table`);
  }
  const required = (name: string): string => {
    const text = textOf(table.get(name));
    if (text === undefined) throw new Error(`deserialize error: missing field \`${name}\``);
    return text;
  };
  const region = required('region');
  const service = required('service');
  const signed = part ?? partOf(table, required);
  const secret = (name: string): Uint8Array | Promise<Uint8Array> =>
    readKey(deps, keySpec(table.get(name)));
  const sessionToken = isAbsent(table.get('session_token')) ? undefined : secret('session_token');
  const now = Time.ofMs(deps.mailClock.now());
  const timestamp = textOf(table.get('timestamp')) ?? now.format('%Y%m%dT%H%M%SZ');
  return after(secret('access_key'), (access) =>
    after(secret('secret_key'), (secretKey) =>
      after<Uint8Array | undefined, AwsParams>(sessionToken, (token) =>
        sign(signed, {
          region,
          service,
          timestamp,
          accessKey: Buffer.from(access).toString('utf8'),
          secretKey: Buffer.from(secretKey).toString('utf8'),
          sessionToken: token && Buffer.from(token).toString('utf8'),
        }),
      ),
    ),
  ) as AwsParams | Promise<AwsParams>;
}

function partOf(table: LuaTable, required: (name: string) => string): SignedPart {
  const query = new URLSearchParams(textPairs(table.get('query_params')));
  const path = required('uri');
  return {
    method: required('method'),
    uri: query.size > 0 ? `${path}?${query.toString()}` : path,
    payload: bytesOf(table.get('payload')) ?? new Uint8Array(),
    headers: new Map(textPairs(table.get('headers')).map(([k, v]) => [k.toLowerCase(), v])),
  };
}

interface Credentials {
  readonly region: string;
  readonly service: string;
  readonly timestamp: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken: string | undefined;
}

function sign(part: SignedPart, keys: Credentials): AwsParams {
  const url = new URL(part.uri, 'https://localhost/');
  const date = keys.timestamp.slice(0, 8);
  const headers = new Map<string, string>([
    ...(/^https?:/.test(part.uri) ? [['host', url.host] as const] : []),
    ...part.headers,
    ['x-amz-date', keys.timestamp],
    ...(keys.sessionToken === undefined
      ? []
      : [['x-amz-security-token', keys.sessionToken] as const]),
  ]);
  const sorted = [...headers].sort(([a], [b]) => (a < b ? -1 : 1));
  const names = sorted.map(([name]) => name).join(';');
  const query = [...url.searchParams]
    .map(([key, value]) => `${encoded(key)}=${encoded(value)}`)
    .sort()
    .join('&');
  const canonicalRequest = [
    part.method,
    url.pathname,
    query,
    ...sorted.map(([name, value]) => `${name}:${value.trim().replace(/ +/g, ' ')}`),
    '',
    names,
    sha256(part.payload),
  ].join('\n');
  const scope = `${date}/${keys.region}/${keys.service}/aws4_request`;
  const stringToSign = ['AWS4-HMAC-SHA256', keys.timestamp, scope, sha256(canonicalRequest)].join(
    '\n',
  );
  const signingKey = [date, keys.region, keys.service, 'aws4_request'].reduce<Uint8Array>(
    (key, word) => createHmac('sha256', key).update(word).digest(),
    Buffer.from(`AWS4${keys.secretKey}`),
  );
  const signature = createHmac('sha256', signingKey).update(stringToSign).digest('hex');
  return {
    authorization: `AWS4-HMAC-SHA256 Credential=${keys.accessKey}/${scope}, SignedHeaders=${names}, Signature=${signature}`,
    timestamp: keys.timestamp,
    canonicalRequest,
    stringToSign,
    signature,
    sessionToken: keys.sessionToken,
  };
}

function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** RFC 3986 §2.3, which `encodeURIComponent` leaves a little open. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
