/**
 * Where the ordinary listener is friendlier than KumoMTA's, and what strict mode switches back.
 * Each switch has a line in `docs/reference/differences.md`.
 */
export interface ReceptionMode {
  /** Offer SIZE, and refuse at MAIL what declares itself too big. */
  readonly advertiseSize: boolean;
  /**
   * Offer STARTTLS also with a certificate that was made here. Otherwise only with the policy's own:
   * many clients begin TLS unasked where it is offered, and then refuse a certificate nobody signed.
   */
  readonly offerOwnCertificate: boolean;
  /** Offer AUTH PLAIN and LOGIN, also without TLS. Otherwise PLAIN only, and only under TLS. */
  readonly offerFriendlyAuth: boolean;
  /** Accept any login when the policy has no `smtp_server_auth_plain`. Otherwise refuse all. */
  readonly acceptAnyLogin: boolean;
  /** Let clients of this machine relay whatever the policy says. Otherwise as it says. */
  readonly ownClientsRelay: boolean;
  /**
   * Read the first line of a body like any other. Otherwise a dot at its start is not unstuffed,
   * and a body that is only the final dot is not recognised: the client waits until it times out.
   */
  readonly isFirstBodyLineALine: boolean;
  /** Hide AUTH secrets in records too, not only in transcripts. */
  readonly redactRecords: boolean;
  /** Answer 250 after the durable commit and insert into queues then. Otherwise insert first. */
  readonly insertAfterReply: boolean;
  /** Wait for the durable commit even when the listener has `deferred_spool`. */
  readonly alwaysCommit: boolean;
  /** Send `550 ` for a reject with an empty text. Otherwise hang up without a word. */
  readonly answerEmptyReject: boolean;
}

export const ORDINARY_MODE: ReceptionMode = {
  advertiseSize: true,
  offerOwnCertificate: true,
  offerFriendlyAuth: true,
  acceptAnyLogin: true,
  ownClientsRelay: true,
  isFirstBodyLineALine: true,
  redactRecords: true,
  insertAfterReply: true,
  alwaysCommit: true,
  answerEmptyReject: true,
};

export const STRICT_MODE: ReceptionMode = {
  advertiseSize: false,
  offerOwnCertificate: true,
  offerFriendlyAuth: false,
  acceptAnyLogin: false,
  ownClientsRelay: false,
  isFirstBodyLineALine: false,
  redactRecords: false,
  insertAfterReply: false,
  alwaysCommit: false,
  answerEmptyReject: false,
};
