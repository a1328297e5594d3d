/**
 * The flow of a policy that may not answer with an error: listed mail is accepted, keeps its
 * campaign, is recorded, and a panel hears of it by web hook. The documented example, as written.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RowPage, RowState, SuppressionPage } from '../../engine/api/protocol.ts';
import { sendMail } from '../support/journey.ts';
import { ServeProcess, eventually } from '../support/serve-process.ts';
import { SmtpSink } from '../support/smtp-sink.ts';

const EXAMPLE = join(import.meta.dirname, '../../docs/examples/suppression-webhook.lua');

interface PanelRecord {
  readonly type: string;
  readonly recipient: string;
  readonly queue: string;
  readonly response: { readonly code: number; readonly content: string };
  readonly meta: Readonly<Record<string, unknown>>;
}

/** Records of log hooks are rows to the same recipients; queues tell them apart. */
function rowIn(engine: ServeProcess, queue: string, state: RowState): Promise<true> {
  return eventually(`a row in ${queue} that is ${state}`, async () => {
    const { rows } = await engine.api<RowPage>('/rows?limit=100');
    return rows.some((row) => row.queue === queue && row.state === state) ? true : null;
  });
}

test('listed after a bounce; then accepted, recorded, told to the panel, not sent', async () => {
  const records: PanelRecord[] = [];
  const panel = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      records.push(JSON.parse(body) as PanelRecord);
      response.end('thanks');
    });
  });
  await new Promise<void>((resolve) => panel.listen(0, '127.0.0.1', resolve));
  const sink = await SmtpSink.start({ rcpt: { 'bad@dest.test': '550 5.1.1 unknown user', default: '250 ok' } }); // prettier-ignore
  try {
    await using engine = await ServeProcess.start({
      policy: readFileSync(EXAMPLE, 'utf8'),
      env: {
        PANEL_URL: `http://127.0.0.1:${(panel.address() as AddressInfo).port}/records`,
        SMARTHOST: `127.0.0.1:${sink.port}`,
      },
    });
    const headers = ['From: <n@shop.test>', 'X-Campaign: autumn', 'Subject: News'];
    const send = (to: string): Promise<string> =>
      sendMail(engine, to, { from: 'n@shop.test', headers });
    const told = (type: string, to: string, count: number): Promise<PanelRecord> =>
      eventually(`the panel hears of ${type} ${count}`, () => {
        const about = records.filter((one) => one.type === type && one.recipient === to);
        return about.length >= count ? about[count - 1] : null;
      });

    expect(await send('bad@dest.test')).toMatch(/^250 OK ids=/);
    await rowIn(engine, 'autumn:@dest.test', 'bounced');
    expect(await told('Bounce', 'bad@dest.test', 1)).toMatchObject({ queue: 'autumn:@dest.test' });
    const page = await eventually('the entry', async () => {
      const read = await engine.api<SuppressionPage>('/suppression?q=dest.test');
      return read.matching > 0 ? read : null;
    });
    expect(page.entries).toMatchObject([
      { recipient: 'bad@dest.test', sendingDomain: 'shop.test', origin: 'bounce' },
    ]);

    // Within its ten seconds the look-up is remembered; the mail clock goes there at once.
    await engine.api('/clock', { forwardMs: 11_000 });
    expect(await send('bad@dest.test')).toMatch(/^250 OK ids=/);
    await rowIn(engine, 'autumn:@suppressed', 'suppressed');
    expect(await told('Reception', 'bad@dest.test', 2)).toMatchObject({
      queue: 'autumn:@suppressed',
      meta: { campaign: 'autumn' },
    });
    const bounce = await told('Bounce', 'bad@dest.test', 2);
    expect(bounce.response.content).toMatch(/^5\.7\.1 suppressed because of earlier errors: /);
    expect(bounce.meta['campaign']).toBe('autumn');

    expect(await send('good@dest.test')).toMatch(/^250 /);
    await rowIn(engine, 'autumn:@dest.test', 'delivered');
    await told('Delivery', 'good@dest.test', 1);
    const asked = sink.connections.flatMap(({ events }) =>
      events.flatMap((event) =>
        'c' in event && event.c.includes('bad@dest.test') ? [event.c] : [],
      ),
    );
    expect(asked).toHaveLength(1);
    const { matching } = await engine.api<SuppressionPage>('/suppression');
    expect(matching).toBe(1);
  } finally {
    await sink.close();
    panel.close();
  }
}, 60_000);
