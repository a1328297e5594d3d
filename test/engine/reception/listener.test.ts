import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EsmtpListener } from '../../../engine/reception/listener.ts';
import { ORDINARY_MODE, STRICT_MODE } from '../../../engine/reception/mode.ts';
import { ReceptionWorld, until } from '../../support/reception-fakes.ts';
import { SmtpScript } from '../../support/smtp-script.ts';

describe('EsmtpListener', () => {
  test('turns clients away over max_connections, without events or records', async () => {
    await using world = await ReceptionWorld.open({ maxConnections: 1 });
    world.policy.on('smtp_server_connection_accepted', () => null);
    await using first = await SmtpScript.connect(world.address);
    await using second = await SmtpScript.connect(world.address);
    expect(second.banner).toEqual([
      '421 4.3.2 mx.golden.test too many concurrent sessions. Try later',
    ]);
    expect(await second.reply()).toEqual(['!closed']);
    expect(world.counts).toMatchObject({ denied: 1, open: 1 });
    expect(world.policy.calls).toEqual(['smtp_server_connection_accepted']);
    await first.say('QUIT');
    await until('the first is gone', () => world.listener.connectionCount === 0);
    await using third = await SmtpScript.connect(world.address);
    expect(third.banner).toEqual(['220 mx.golden.test golden']);
    expect(world.log.records).toEqual([]);
  });

  test('turns clients away while the engine is not ready', async () => {
    let reason: string | null = 'waiting for spool startup. Try again soon!';
    await using world = await ReceptionWorld.open({ deps: { refusal: () => reason } });
    await using early = await SmtpScript.connect(world.address);
    expect(early.banner).toEqual([
      '421 4.3.2 mx.golden.test waiting for spool startup. Try again soon!',
    ]);
    reason = null;
    await using later = await SmtpScript.connect(world.address);
    expect(later.banner).toEqual(['220 mx.golden.test golden']);
  });

  test('stops: idle clients at once, busy ones after their answer', async () => {
    const world = await ReceptionWorld.open();
    let release = (): void => {};
    world.policy.on('smtp_server_mail_from', () => new Promise<void>((done) => (release = done)));
    await using idle = await SmtpScript.connect(world.address);
    await using inBody = await SmtpScript.connect(world.address);
    await using busy = await SmtpScript.connect(world.address);
    busy.write('MAIL FROM:<a@b.test>\r\nNOOP\r\n');
    await until('the policy is asked', () => world.policy.calls.length === 1);
    const closing = world[Symbol.asyncDispose]();
    const goodbye = ['421 4.3.2 mx.golden.test shutting down'];
    expect(await idle.reply()).toEqual(goodbye);
    expect(await inBody.reply()).toEqual(goodbye);
    release();
    expect(await busy.reply()).toEqual(['250 OK <a@b.test>']);
    expect(await busy.reply()).toEqual(goodbye);
    for (const script of [idle, inBody, busy]) script.close();
    await closing;
    expect(world.counts.open).toBe(0);
    expect(world.log.records).toEqual([]);
  });

  test('says what is wrong with an address', async () => {
    const settings = { listen: 'nonsense' } as never;
    await expect(EsmtpListener.open({ settings, mode: STRICT_MODE }, {} as never)).rejects.toThrow(
      'Cannot listen for SMTP: found "nonsense", expected ip:port',
    );
  });

  test('offers STARTTLS with a certificate made here only when that is wanted', async () => {
    const tlsCertificate = { kind: 'file', path: '/mine.pem' } as const;
    for (const [offerOwnCertificate, params, isOffered] of [
      [true, {}, true],
      [false, {}, false],
      [false, { tlsCertificate }, true],
    ] as const) {
      await using world = await ReceptionWorld.open({
        mode: { ...ORDINARY_MODE, offerOwnCertificate },
        params,
      });
      await using smtp = await SmtpScript.connect(world.address);
      const lines = await smtp.say('EHLO client.test');
      expect(lines.some((line) => line.endsWith('STARTTLS'))).toBe(isOffered);
    }
  });

  test('answers anything a client may send, and is there for the next one', async () => {
    await using world = await ReceptionWorld.open({ mode: ORDINARY_MODE });
    const line = fc.oneof(
      fc.constantFrom(
        'EHLO x',
        'MAIL FROM:<a@b.test>',
        'RCPT TO:<c@d.test>',
        'DATA',
        '.',
        'RSET',
        'AUTH PLAIN',
        'AUTH LOGIN',
        '*',
        'XCLIENT ADDR=1.2.3.4',
        'NOOP',
        '\n',
        '\r',
      ),
      fc.string({ maxLength: 30 }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { maxLength: 25 }),
        fc.integer({ min: 1, max: 60 }),
        async (lines, step) => {
          const bytes = Buffer.from(`${lines.join('\r\n')}\r\n`);
          await using smtp = await SmtpScript.connect(world.address);
          for (let at = 0; at < bytes.length; at += step) {
            smtp.write(bytes.subarray(at, at + step));
          }
          smtp.endWriting();
          for (let reply = smtp.banner; reply[0] !== '!closed'; reply = await smtp.reply()) {
            expect(reply.at(-1)).toMatch(/^[2-5]\d\d /);
            expect(reply[0]).not.toContain('technical difficulties');
          }
        },
      ),
      { seed: 7, numRuns: 60 },
    );
    expect(world.diagnostics).toEqual([]);
    await until('all sessions are gone', () => world.listener.connectionCount === 0);
  });
});
