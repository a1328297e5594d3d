/**
 * AUTH PLAIN as KumoMTA has it; on a friendly listener also LOGIN, without TLS, and without a
 * policy that checks the login.
 *
 * Source: RFC 4954, RFC 4616; `smtp_server_auth_plain`; recorded replies of KumoMTA.
 */
import { AUTH_LINE_BYTES_MAX } from '../../base/limits.ts';
import type { AuthResult } from '../../policy/events.ts';
import { decodeBase64, LOGIN_PROMPTS, parsePlain } from '../../smtp/sasl.ts';
import type { PlainCredentials } from '../../smtp/sasl.ts';
import { respond } from '../respond.ts';
import { SECRET } from '../secrets.ts';
import { accept, refuse } from '../server-reply.ts';
import type { ServerReply } from '../server-reply.ts';
import type { Session } from '../session.ts';

const AUTHENTICATION = 'SmtpAuthPlainAuthentication';
const AUTHORIZATION = 'SmtpAuthPlainAuthorization';

interface Auth {
  readonly mechanism: string;
  readonly initial: string | null;
}

export function auth(session: Session, command: Auth): ServerReply | Promise<ServerReply> {
  const shown = session.line;
  if (session.identity !== null) {
    return refuse(503, "5.5.1 AUTH me once, can't get authed again!", shown);
  }
  if (session.transaction) {
    return refuse(503, '5.5.1 AUTH not permitted inside a transaction', shown);
  }
  const isFriendly = session.mode.offerFriendlyAuth;
  const mechanism = isFriendly ? command.mechanism.toUpperCase() : command.mechanism;
  if (mechanism !== 'PLAIN' && !(isFriendly && mechanism === 'LOGIN')) {
    return refuse(504, `5.5.4 AUTH ${command.mechanism} not supported`, shown);
  }
  if (!session.tls && !isFriendly) {
    return refuse(524, '5.7.11 AUTH PLAIN requires an encrypted channel', shown);
  }
  if (mechanism === 'LOGIN') session.trail.line('note', 'KumoMTA would refuse AUTH LOGIN: 504');
  else if (!session.tls) session.trail.line('note', 'KumoMTA would refuse AUTH without TLS: 524');
  return mechanism === 'LOGIN' ? login(session, command) : plain(session, command);
}

async function plain(session: Session, command: Auth): Promise<ServerReply> {
  const response = command.initial ?? (await prompt(session, ' '));
  if (typeof response !== 'string') return response;
  const bytes = decodeBase64(response);
  const shown = recordable(session, response);
  if (!bytes) return refuse(501, '5.5.2 Invalid base64 response', shown);
  const credentials = parsePlain(bytes);
  if (credentials === 'fields') return refuse(501, '5.5.2 Invalid decoded PLAIN response', shown);
  if (credentials === 'utf8') {
    return refuse(501, '5.5.2 Invalid UTF8 in decoded PLAIN response', shown);
  }
  return check(session, credentials, shown);
}

async function login(session: Session, command: Auth): Promise<ServerReply> {
  const user = command.initial ?? (await prompt(session, LOGIN_PROMPTS.user));
  if (typeof user !== 'string') return user;
  const password = await prompt(session, LOGIN_PROMPTS.password);
  if (typeof password !== 'string') return password;
  const shown = recordable(session, password);
  const decoded = [decodeBase64(user), decodeBase64(password)].map((bytes) => bytes?.toString());
  const [authc, secret] = decoded;
  if (authc === undefined || secret === undefined) {
    return refuse(501, '5.5.2 Invalid base64 response', shown);
  }
  return check(session, { authz: '', authc, password: secret }, shown);
}

/** KumoMTA's records show the response itself. */
function recordable(session: Session, response: string): string {
  return session.mode.redactRecords ? SECRET : response;
}

/** Sends a 334 and reads the response; a reply when the exchange ends here. */
async function prompt(session: Session, text: string): Promise<string | ServerReply> {
  const { line } = session;
  await respond(session, accept(334, text));
  session.line = line;
  const response = await session.nextLine(AUTH_LINE_BYTES_MAX);
  session.trail.line('client', response.text === '*' ? '*' : SECRET);
  if (response.trouble === 'too-long') {
    return refuse(500, '5.5.6 authentication exchange line too long', null);
  }
  if (response.trouble === 'not-utf8') return refuse(501, '5.5.2 Invalid base64 response', null);
  if (response.text === '*') return refuse(501, '5.5.0 AUTH cancelled by client', '*');
  return response.text;
}

async function check(
  session: Session,
  credentials: PlainCredentials,
  shown: string,
): Promise<ServerReply> {
  const { authc, password } = credentials;
  const authz = credentials.authz === '' ? authc : credentials.authz;
  const result = await ask(session, authz, authc, password);
  const attempt = { identity: authc, context: AUTHENTICATION, auth: session.meta.authInfo };
  if (result === false) {
    session.deps.audit.authentication({ ...attempt, isSuccess: false });
    return refuse(535, '5.7.8 AUTH invalid', shown);
  }
  admit(session, authz, authc, result);
  session.deps.audit.authentication({ ...attempt, isSuccess: true });
  return accept(235, '2.7.0 AUTH OK!');
}

async function ask(
  session: Session,
  authz: string,
  authc: string,
  password: string,
): Promise<AuthResult> {
  const { events } = session.deps;
  if (!events.has('smtp_server_auth_plain')) {
    if (!session.mode.acceptAnyLogin) return false;
    const why = 'the policy has no smtp_server_auth_plain';
    session.trail.line('note', `KumoMTA would refuse this login: ${why}`);
    return true;
  }
  return events.smtpServerAuthPlain(authz, authc, password, session.meta, session.trail);
}

/** @throws {Error} the policy's AuthInfo names nobody */
function admit(session: Session, authz: string, authc: string, result: AuthResult): void {
  const { meta } = session;
  if (typeof result === 'object') {
    const [first] = result.identities;
    if (!first) throw new Error('AuthInfo has no identities, expected at least one');
    const named = (context: string): string =>
      (result.identities.find((one) => one.context === context) ?? first).identity;
    authc = named(AUTHENTICATION);
    authz = named(AUTHORIZATION);
    meta.authInfo.identities.push(...result.identities);
    meta.authInfo.groups.push(...result.groups);
  } else {
    meta.authInfo.identities.push({ identity: authz, context: AUTHORIZATION });
    meta.authInfo.identities.push({ identity: authc, context: AUTHENTICATION });
  }
  meta.set('authz_id', authz);
  meta.set('authn_id', authc);
  session.identity = authz;
}
