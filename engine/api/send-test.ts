/** Sends a test message to this engine, as any application would: composed by nodemailer, over SMTP. */
import { createTransport } from 'nodemailer';
import { toError } from '../base/assert.ts';
import type { SendTestRequest, SendTestResult } from './protocol.ts';

const TEXT = `Hello,

this message was sent by Postyard to itself, over SMTP, as your application would.
Its journey shows every step: what was said, what the policy decided, where it went.
`;

const HTML = `<div style="font:15px/24px system-ui,sans-serif;max-width:520px;margin:24px auto;color:#1c2529">
<h1 style="font-size:20px">It works</h1>
<p>This message was sent by Postyard to itself, over SMTP, as your application would.</p>
<p>Its <b>journey</b> shows every step: what was said, what the policy decided, where it went.</p>
</div>`;

export async function sendTestMessage(
  smtp: { host: string; port: number } | null,
  request: SendTestRequest,
): Promise<SendTestResult> {
  const to = request.to ?? 'alice@example.com';
  if (smtp === null)
    return { ok: false, reply: 'there is no SMTP listener: the policy started none', to };
  const transport = createTransport({ ...smtp, ignoreTLS: true, connectionTimeout: 5_000 });
  try {
    const { response } = await transport.sendMail({
      from: request.from ?? 'Postyard <test@postyard.example>',
      to,
      subject: request.subject ?? 'Hello from Postyard',
      text: TEXT,
      html: HTML,
    });
    return { ok: true, reply: response, to };
  } catch (error) {
    return { ok: false, reply: toError(error).message, to };
  } finally {
    transport.close();
  }
}
