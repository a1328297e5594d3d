/** A reply on its way to the client, and what becomes of the connection after it. */

export interface ServerReply {
  readonly code: number;
  /** Without the code; lines separated by LF or CRLF. */
  readonly text: string;
  /** What `smtp_server_rewrite_response` and a Rejection record are told it answers. */
  readonly command: string | null;
  /** `follow-with-421`: a second reply says goodbye, then the connection ends. */
  readonly then: 'continue' | 'close' | 'follow-with-421';
  /** Its line is in the trail already: the transaction it ends has been stored. */
  readonly isInTrail?: true;
  /** The policy was asked about it already. */
  readonly isRewritten?: true;
  /** Runs when the reply has been written: TLS begins, the body is read, messages are inserted. */
  readonly afterwards?: () => void | Promise<void>;
}

export function accept(code: number, text: string): ServerReply {
  return { code, text, command: null, then: 'continue' };
}

export function refuse(code: number, text: string, command: string | null): ServerReply {
  return { code, text, command, then: code === 421 ? 'close' : 'continue' };
}

/** Whether this status makes a Rejection record: 4xx and 5xx, but not the notices of 421 4.3.2. */
export function isRejection(code: number, text: string): boolean {
  if (code < 400 || code > 599) return false;
  return !(code === 421 && text.startsWith('4.3.2 '));
}
