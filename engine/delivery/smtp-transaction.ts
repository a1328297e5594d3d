/**
 * One mail transaction on an open connection: RSET, MAIL, RCPT…, DATA in one write when the peer
 * pipelines, then the body. Gives a reply for every recipient, or throws when the connection broke.
 *
 * Success needs exactly 250 for MAIL, at least one RCPT with 250, 354 for DATA and 250 at the end.
 * A refusal of RSET, MAIL, DATA or the final dot holds for the whole batch; refusals of RCPT are
 * each recipient's own. Behind a pipelined refusal DATA may still have been accepted: it is ended
 * with an empty body, whose reply does not matter.
 *
 * Source: RFC 5321 §3.3, RFC 2920 §3.1, RFC 6152, RFC 6531 §3.4, RFC 2033 §4.2; reference
 * `queues-delivery.md` §5.5-5.6.
 */
import type { EnvelopeAddress } from '../mail/envelope.ts';
import { reply } from '../mail/smtp-reply.ts';
import type { SmtpReply } from '../mail/smtp-reply.ts';
import type { EgressPathConfig } from '../policy/settings.ts';
import { ClientError } from './smtp-client-error.ts';
import type { SmtpConnection } from './smtp-connection.ts';
import { dataPieces, isEightBit } from './smtp-data.ts';

interface TransactionRequest {
  readonly sender: EnvelopeAddress;
  readonly recipients: readonly EnvelopeAddress[];
  readonly body: Uint8Array;
  readonly path: EgressPathConfig;
  /** Not the first transaction of this connection, and wanted or needed. */
  readonly resetFirst: boolean;
  /**
   * Whether a 2xx other than 250 to MAIL or RCPT counts as accepted. KumoMTA takes it for a
   * refusal that is logged as a delivery, which loses the message.
   */
  readonly acceptsAny2xx: boolean;
  /** Without pipelining: whether a refusal ends the questions. KumoMTA asks all of them anyway. */
  readonly stopsAtRefusal: boolean;
  /** LMTP: whether a single final reply is too few for several recipients. */
  readonly awaitsEveryReply: boolean;
  readonly onPhase: (phase: string) => void;
  /** Resolves when the attempt is known after a crash; the message goes out after that. */
  readonly recorded: Promise<void>;
}

type Stage = 'check' | 'rset' | 'mail' | 'rcpt' | 'data' | 'dot';

export interface RecipientReply {
  /** What became of the recipient. */
  readonly reply: SmtpReply;
  readonly stage: Stage;
  /** What RCPT was answered, when the message was sent. */
  readonly rcpt?: SmtpReply;
}

const DOT = '.\r\n';
const DATA = 'DATA\r\n';
const RSET = 'RSET\r\n';
/** How long a further final reply of an LMTP peer may take when it need not come. */
const LMTP_NEXT_MS = 1000;

/**
 * @returns one reply per recipient, in their order
 * @throws {ClientError} the connection broke or the peer took too long
 */
export async function runTransaction(
  connection: SmtpConnection,
  extensions: ReadonlyMap<string, string>,
  request: TransactionRequest,
): Promise<RecipientReply[]> {
  const refusal = missingExtension(extensions, request);
  if (refusal) return forAll(request, refusal, 'check');
  const script = makeScript(extensions, request);
  const conversation = await converse(connection, extensions, request, script);
  await endUnwantedData(connection, request, conversation);
  const { reset, mail, data } = conversation;
  if (reset && orThrow(reset).code !== 250) return forAll(request, orThrow(reset), 'rset');
  if (!isAccepted(orThrow(mail), request)) return forAll(request, orThrow(mail), 'mail');
  const rcpts = conversation.rcpts.map(orThrow);
  if (!rcpts.some((one) => isAccepted(one, request))) {
    return rcpts.map((one) => ({ reply: one, stage: 'rcpt' }));
  }
  if (orThrow(data).code !== 354) return forAll(request, orThrow(data), 'data');
  return sendBody(connection, request, rcpts);
}

/** Stands for the reply to a command that was not sent. Made once: a stack trace costs time. */
const NOT_ASKED = new ClientError({ kind: 'aborted' });

/** Commands in the order in which they are sent. */
interface Script {
  readonly reset: string | null;
  readonly mail: string;
  readonly rcpts: readonly string[];
}

type Heard = SmtpReply | ClientError;

interface Conversation {
  readonly reset: Heard | null;
  readonly mail: Heard;
  readonly rcpts: readonly Heard[];
  readonly data: Heard;
}

/** Replies 29 and 30: what cannot be said to this peer is refused without asking it. */
function missingExtension(
  extensions: ReadonlyMap<string, string>,
  request: TransactionRequest,
): SmtpReply | null {
  if (request.path.ignore8bitChecks) return null;
  if (!extensions.has('8BITMIME') && isEightBit(request.body)) {
    return reply(
      554,
      '5.6.3 KumoMTA internal: DATA is 8bit, destination does not support 8BITMIME. ' +
        'Conversion via msg:check_fix_conformance during reception is required',
    );
  }
  if (!extensions.has('SMTPUTF8') && needsSmtpUtf8(request)) {
    const text = '5.6.7 KumoMTA internal: envelope is 8bit, destination does not support SMTPUTF8.';
    return reply(554, text);
  }
  return null;
}

function makeScript(extensions: ReadonlyMap<string, string>, request: TransactionRequest): Script {
  const eightBit = extensions.has('8BITMIME') && isEightBit(request.body);
  const utf8 = extensions.has('SMTPUTF8') && needsSmtpUtf8(request);
  const params = `${eightBit ? ' BODY=8BITMIME' : ''}${utf8 ? ' SMTPUTF8' : ''}`;
  return {
    reset: request.resetFirst ? RSET : null,
    mail: `MAIL FROM:<${request.sender.email}>${params}\r\n`,
    rcpts: request.recipients.map(({ email }) => `RCPT TO:<${email}>\r\n`),
  };
}

async function converse(
  connection: SmtpConnection,
  extensions: ReadonlyMap<string, string>,
  request: TransactionRequest,
  script: Script,
): Promise<Conversation> {
  const { path, onPhase } = request;
  const times = path.timeouts;
  const pipelines = path.enablePipelining && extensions.has('PIPELINING');
  const steps: readonly (readonly [command: string, timeoutMs: number])[] = [
    ...(script.reset === null ? [] : [[script.reset, times.rsetMs] as const]),
    [script.mail, times.mailFromMs],
    ...script.rcpts.map((command) => [command, times.rcptToMs] as const),
    [DATA, times.dataMs],
  ];
  onPhase('mail');
  if (pipelines) {
    const writeMs = steps.reduce((sum, [, timeoutMs]) => sum + timeoutMs, 0);
    await connection.write(
      steps.map(([command]) => command),
      writeMs,
    );
  }
  const heard: Heard[] = [];
  let failure: ClientError | null = null;
  for (const [command, timeoutMs] of steps) {
    if (failure === null && (pipelines || isWorthAsking(heard, script, request))) {
      try {
        if (!pipelines) await connection.write([command], timeoutMs);
        heard.push(await connection.read(command, timeoutMs));
        continue;
      } catch (error) {
        if (!(error instanceof ClientError)) throw error;
        failure = error;
      }
    }
    heard.push(failure ?? NOT_ASKED);
  }
  const first = script.reset === null ? 0 : 1;
  return {
    reset: first === 0 ? null : (heard[0] ?? NOT_ASKED),
    mail: heard[first] ?? NOT_ASKED,
    rcpts: heard.slice(first + 1, -1),
    data: heard.at(-1) ?? NOT_ASKED,
  };
}

/** Without pipelining nothing need be sent that a refusal has made pointless. */
function isWorthAsking(
  heard: readonly Heard[],
  script: Script,
  request: TransactionRequest,
): boolean {
  if (!request.stopsAtRefusal) return true;
  const replies = heard.filter((one): one is SmtpReply => !(one instanceof ClientError));
  const reset = script.reset === null ? undefined : replies.shift();
  if (reset && reset.code !== 250) return false;
  const mail = replies.shift();
  if (mail && !isAccepted(mail, request)) return false;
  const allAsked = replies.length === request.recipients.length;
  return !allAsked || replies.some((one) => isAccepted(one, request));
}

/** RFC 2920 §3.1: an accepted DATA that nobody wants is ended with a lone dot. */
async function endUnwantedData(
  connection: SmtpConnection,
  request: TransactionRequest,
  { reset, mail, rcpts, data }: Conversation,
): Promise<void> {
  if (data instanceof ClientError || data.code !== 354) return;
  const isGood = (one: Heard): boolean => !(one instanceof ClientError) && isAccepted(one, request);
  const resetFailed = reset !== null && (reset instanceof ClientError || reset.code !== 250);
  if (!resetFailed && isGood(mail) && rcpts.some(isGood)) return;
  try {
    await connection.write([DOT], request.path.timeouts.dataDotMs);
    await connection.read(DOT, request.path.timeouts.dataDotMs);
  } catch (error) {
    // The refusal stands; that the connection broke shows on the connection itself.
    if (!(error instanceof ClientError)) throw error;
    connection.destroy();
  }
}

async function sendBody(
  connection: SmtpConnection,
  request: TransactionRequest,
  rcpts: readonly SmtpReply[],
): Promise<RecipientReply[]> {
  const { path, body, onPhase } = request;
  const { dataMs, dataDotMs } = path.timeouts;
  onPhase('data');
  await request.recorded;
  connection.note(`message data, ${body.byteLength} bytes`);
  for (const piece of dataPieces(body)) await connection.writePayload(piece, dataMs);
  onPhase('dot');
  if (path.useLmtp) return finalReplies(connection, request, rcpts);
  const final = await connection.read(DOT, dataDotMs);
  if (final.code !== 250) return forAll(request, final, 'dot');
  return rcpts.map((rcpt) =>
    isAccepted(rcpt, request)
      ? { reply: final, stage: 'dot', rcpt }
      : { reply: rcpt, stage: 'rcpt' },
  );
}

/**
 * LMTP (RFC 2033 §4.2): one reply for each recipient that was accepted. A peer that gives fewer
 * has answered for the others too, unless every reply is awaited.
 */
async function finalReplies(
  connection: SmtpConnection,
  request: TransactionRequest,
  rcpts: readonly SmtpReply[],
): Promise<RecipientReply[]> {
  const replies: RecipientReply[] = [];
  let last: SmtpReply | null = null;
  let isOnlyOne = false;
  for (const rcpt of rcpts) {
    if (!isAccepted(rcpt, request)) {
      replies.push({ reply: rcpt, stage: 'rcpt' });
      continue;
    }
    const next: SmtpReply | null = isOnlyOne ? null : await nextReply(connection, request, last);
    if (next === null) isOnlyOne = true;
    last = next ?? last;
    if (last === null) throw new Error('Bug: no final reply was read');
    replies.push({ reply: last, stage: 'dot', rcpt });
  }
  return replies;
}

/** Null when there is none after the one before, and none is needed. */
async function nextReply(
  connection: SmtpConnection,
  request: TransactionRequest,
  before: SmtpReply | null,
): Promise<SmtpReply | null> {
  const { dataDotMs } = request.path.timeouts;
  if (before === null || request.awaitsEveryReply) return connection.read(DOT, dataDotMs);
  try {
    return await connection.read(DOT, Math.min(LMTP_NEXT_MS, dataDotMs));
  } catch (error) {
    if (error instanceof ClientError && error.trouble.kind === 'read-timeout') return null;
    throw error;
  }
}

function isAccepted(reply: SmtpReply, request: TransactionRequest): boolean {
  return request.acceptsAny2xx ? reply.code >= 200 && reply.code < 300 : reply.code === 250;
}

function needsSmtpUtf8(request: TransactionRequest): boolean {
  const addresses = [request.sender, ...request.recipients];
  return addresses.some(({ email }) => /[^\p{ASCII}]/u.test(email));
}

function forAll(request: TransactionRequest, reply: SmtpReply, stage: Stage): RecipientReply[] {
  return request.recipients.map(() => ({ reply, stage }));
}

function orThrow(heard: Heard): SmtpReply {
  if (heard instanceof ClientError) throw heard;
  return heard;
}
