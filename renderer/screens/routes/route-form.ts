/** A route as the fields of its editor, and back. Texts only: what they mean the engine checks. */
import type { RouteSpec } from '../../../engine/api/protocol.ts';

export type TargetKind = RouteSpec['to']['kind'];
type MatchField = keyof RouteSpec['match'];

export interface Condition {
  readonly id: number;
  field: MatchField;
  /** Of a header or meta. */
  name: string;
  /** Globs, with commas between them. */
  globs: string;
}

export interface RouteForm {
  name: string;
  note: string;
  enabled: boolean;
  conditions: Condition[];
  kind: TargetKind;
  /** Of every kind of target, so that going to and fro loses nothing. */
  domain: string;
  port: string;
  hosts: string;
  queue: string;
  farEnd: string;
  path: string;
  event: string;
  code: string;
  text: string;
  tls: string;
  username: string;
  password: string;
  passwordEnv: string;
  withoutTls: boolean;
  overwrite: boolean;
  passThrough: string;
  opens: string;
  retryInterval: string;
  maxRetryInterval: string;
  maxAge: string;
  egressPool: string;
  dirMode: string;
  fileMode: string;
  withoutValidCertificate: boolean;
}

export const MATCH_FIELDS: readonly { readonly field: MatchField; readonly label: string }[] = [
  { field: 'recipient', label: 'recipient' },
  { field: 'domain', label: 'domain' },
  { field: 'sender', label: 'sender' },
  { field: 'senderDomain', label: 'sender domain' },
  { field: 'tenant', label: 'tenant' },
  { field: 'campaign', label: 'campaign' },
  { field: 'queue', label: 'queue' },
  { field: 'routingDomain', label: 'routing domain' },
  { field: 'header', label: 'header' },
  { field: 'meta', label: 'meta' },
];

export const TARGETS: readonly { readonly kind: TargetKind; readonly label: string }[] = [
  { kind: 'mxList', label: 'Smarthosts (mx_list)' },
  { kind: 'routingDomain', label: 'Smarthost by routing domain' },
  { kind: 'farEnd', label: 'Far end' },
  { kind: 'maildir', label: 'Maildir' },
  { kind: 'customLua', label: 'Custom Lua' },
  { kind: 'queue', label: 'Another queue' },
  { kind: 'null', label: 'Discard (null queue)' },
  { kind: 'reject', label: 'Refuse' },
];

let nextId = 0;

export function condition(field: MatchField, name: string, globs: string): Condition {
  return { id: nextId++, field, name, globs };
}

export function formOf(route: RouteSpec | null): RouteForm {
  const to = route?.to;
  const auth = to !== undefined && 'auth' in to ? to.auth : undefined;
  return {
    name: route?.name ?? '',
    note: route?.note ?? '',
    enabled: route?.enabled ?? true,
    conditions: conditionsOf(route?.match ?? {}),
    kind: to?.kind ?? 'mxList',
    domain: to?.kind === 'routingDomain' ? to.domain : '',
    port: to?.kind === 'routingDomain' || to?.kind === 'mxList' ? String(to.port ?? '') : '',
    hosts: to?.kind === 'mxList' ? to.hosts.map(hostText).join('\n') : '',
    queue: to?.kind === 'queue' ? to.name : '',
    farEnd: to?.kind === 'farEnd' ? to.name : '',
    path: to?.kind === 'maildir' ? to.path : 'mail/{{ domain_part }}/{{ local_part }}',
    dirMode: to?.kind === 'maildir' ? (to.dirMode ?? '') : '',
    fileMode: to?.kind === 'maildir' ? (to.fileMode ?? '') : '',
    event: to?.kind === 'customLua' ? to.event : '',
    code: to?.kind === 'reject' ? String(to.code) : '550',
    text: to?.kind === 'reject' ? to.text : '5.7.1 not today',
    tls: to !== undefined && 'tls' in to ? (to.tls ?? '') : '',
    username: auth?.username ?? '',
    password: auth?.password ?? '',
    passwordEnv: auth?.passwordEnv ?? '',
    withoutTls: auth?.withoutTls ?? false,
    withoutValidCertificate: auth?.withoutValidCertificate ?? false,
    overwrite: route?.overwrite ?? false,
    passThrough: route?.passThrough ?? '',
    opens: (route?.opens ?? []).join(', '),
    retryInterval: route?.retryInterval ?? '',
    maxRetryInterval: route?.maxRetryInterval ?? '',
    maxAge: route?.maxAge ?? '',
    egressPool: route?.egressPool ?? '',
  };
}

function conditionsOf(match: RouteSpec['match']): Condition[] {
  return MATCH_FIELDS.flatMap(({ field }) => {
    if (field === 'header' || field === 'meta')
      return Object.entries(match[field] ?? {}).map(([name, globs]) =>
        condition(field, name, [globs].flat().join(', ')),
      );
    const globs = match[field];
    return globs === undefined ? [] : [condition(field, '', [globs].flat().join(', '))];
  });
}

/** Nothing is judged here: what is wrong in it comes back from the engine with its place. */
export function specOf(form: RouteForm): RouteSpec {
  const words = {
    note: form.note,
    passThrough: form.passThrough,
    retryInterval: form.retryInterval,
    maxRetryInterval: form.maxRetryInterval,
    maxAge: form.maxAge,
    egressPool: form.egressPool,
  };
  const opens = listOf(form.opens);
  return {
    name: form.name.trim(),
    enabled: form.enabled,
    match: matchOf(form.conditions),
    to: targetOf(form),
    ...Object.fromEntries(Object.entries(words).filter(([, text]) => text.trim() !== '')),
    ...(form.overwrite && { overwrite: true }),
    ...(opens.length > 0 && { opens }),
  };
}

function matchOf(conditions: readonly Condition[]): RouteSpec['match'] {
  const match: Record<string, unknown> = {};
  for (const { field, name, globs } of conditions) {
    const list = listOf(globs);
    if (list.length === 0) continue;
    const value = list.length === 1 ? list[0] : list;
    if (field === 'header' || field === 'meta')
      match[field] = { ...(match[field] as object | undefined), [name.trim()]: value };
    else match[field] = value;
  }
  return match;
}

function targetOf(form: RouteForm): RouteSpec['to'] {
  const port = form.port.trim() === '' ? {} : { port: Number(form.port) };
  const tls = form.tls === '' ? {} : { tls: form.tls };
  const connection = { ...tls, ...authOf(form) };
  const targets: Record<TargetKind, object> = {
    mxList: {
      hosts: form.hosts
        .split(/[\n,]/)
        .map((text) => text.trim())
        .filter((text) => text !== '')
        .map(hostOf),
      ...port,
      ...connection,
    },
    routingDomain: { domain: form.domain.trim(), ...port, ...connection },
    farEnd: { name: form.farEnd.trim(), ...connection },
    maildir: {
      path: form.path.trim(),
      ...(form.dirMode.trim() !== '' && { dirMode: form.dirMode.trim() }),
      ...(form.fileMode.trim() !== '' && { fileMode: form.fileMode.trim() }),
    },
    customLua: { event: form.event.trim() },
    queue: { name: form.queue.trim() },
    null: {},
    reject: { code: Number(form.code), text: form.text.trim() },
  };
  return { kind: form.kind, ...targets[form.kind] } as RouteSpec['to'];
}

function authOf(form: RouteForm): object {
  if (form.username.trim() === '') return {};
  const env = form.passwordEnv.trim();
  return {
    auth: {
      username: form.username.trim(),
      ...(env === '' ? { password: form.password } : { passwordEnv: env }),
      ...(form.withoutTls && { withoutTls: true }),
      ...(form.withoutValidCertificate && { withoutValidCertificate: true }),
    },
  };
}

type Host = Extract<RouteSpec['to'], { kind: 'mxList' }>['hosts'][number];

function hostText(host: Host): string {
  return typeof host === 'string' ? host : `${host.name} = ${host.addr}`;
}

/** `mx.example.com = 10.0.0.1:25` is a name with its address. */
function hostOf(text: string): Host {
  const [name = '', addr] = text.split('=').map((part) => part.trim());
  return addr === undefined ? name : { name, addr };
}

function listOf(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
