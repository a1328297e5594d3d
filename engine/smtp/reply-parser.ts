/**
 * Replies read from a server: the delivering end of SMTP. Bytes are pushed as they arrive, complete
 * replies are taken out, multi-line ones joined by LF with the enhanced code split off.
 *
 * A reply without text (`250` alone) is refused like any other line that is not `NNN text`:
 * KumoMTA reads them so, and such peers exist only as mistakes.
 *
 * Source: RFC 5321 §4.2, RFC 2034; recorded records of KumoMTA.
 */
import { reply } from '../mail/smtp-reply.ts';
import type { SmtpReply } from '../mail/smtp-reply.ts';
import { REPLY_BYTES_MAX, REPLY_LINE_BYTES_MAX } from '../base/limits.ts';
import { InputBuffer } from './input-buffer.ts';

/** The peer did not speak SMTP. `message` is KumoMTA's text; the connection cannot be used on. */
export class ReplySyntaxError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ReplySyntaxError';
  }
}

export class ReplyParser {
  readonly #input = new InputBuffer();
  #lines: string[] = [];
  #bytes = 0;
  #lastLines: readonly string[] = [];

  push(chunk: Buffer): void {
    this.#input.push(chunk);
  }

  /** Whether nothing was received that a reply has not used up. */
  get isEmpty(): boolean {
    return this.#input.length === 0 && this.#lines.length === 0;
  }

  /** Lines of the last reply as they came, without the code: for transcripts. */
  get lastLines(): readonly string[] {
    return this.#lastLines;
  }

  /** Forgets what was received; for the moment when TLS begins. */
  clear(): void {
    this.#input.clear();
    this.#lines = [];
    this.#bytes = 0;
  }

  /**
   * The next complete reply, or null when it has not fully arrived.
   *
   * @param command what it answers, as records show it; null for the banner
   * @throws {ReplySyntaxError} a line is no reply line, not UTF-8, or the reply is out of bounds
   */
  next(command: string | null): SmtpReply | null {
    for (;;) {
      const line = this.#input.takeLine(REPLY_LINE_BYTES_MAX);
      if (line === null) return null;
      if (line.trouble === 'not-utf8') throw new ReplySyntaxError('response is not UTF8');
      if (line.trouble === 'too-long') throw new ReplySyntaxError('Response line is too long');
      const match = /^(\d{3})([ -])(.*)$/s.exec(line.text);
      if (match === null) throw new ReplySyntaxError(`Malformed Response: ${line.text}`);
      this.#lines.push(match[3] ?? '');
      this.#bytes += line.text.length;
      if (this.#bytes > REPLY_BYTES_MAX) throw new ReplySyntaxError('Response is too long');
      if (match[2] === ' ') return this.#finish(Number(match[1]), command);
    }
  }

  #finish(code: number, command: string | null): SmtpReply {
    const text = this.#lines.join('\n');
    this.#lastLines = this.#lines;
    this.#lines = [];
    this.#bytes = 0;
    return reply(code, text, command);
  }
}
