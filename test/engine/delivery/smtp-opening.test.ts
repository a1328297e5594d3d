/** Opening a connection: the error texts of every step, TLS in its five modes, AUTH PLAIN. */
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { LoopbackGuard } from '../../../engine/guard/loopback-guard.ts';
import type { Timer } from '../../../engine/base/clock.ts';
import type { ConnectFailure } from '../../../engine/delivery/deliverer.ts';
import { certificate } from '../../support/certificates.ts';
import type { Pair } from '../../support/certificates.ts';
import { CountingClock, testMessage, testSource, testTimeouts } from '../../support/delivery.ts';
import { SmtpSink } from '../../support/smtp-sink.ts';
import type { SinkScript } from '../../support/smtp-sink.ts';
import { deliver, outcomes, TestSmtpClient, transcriptOf } from '../../support/smtp-client.ts';

/** Its timers are over at once. */
class HurriedClock extends CountingClock {
  override timer(_delayMs: number, callback: () => void): Timer {
    queueMicrotask(callback);
    return { cancel: () => {} };
  }
}

let client: TestSmtpClient;

beforeEach(() => {
  client = new TestSmtpClient();
});

afterEach(() => client.end());

describe('before EHLO', () => {
  test('nobody listens', async () => {
    const port = await SmtpSink.refusedPort();
    expect(await client.connectError([port])).toMatch(
      new RegExp(
        `^connect to 127\\.0\\.0\\.1:${port} and read initial banner: failed to connect to 127\\.0\\.0\\.1:${port} None: Connection refused \\(os error \\d+\\)$`,
      ),
    );
  });

  test('the source address is named', async () => {
    const port = await SmtpSink.refusedPort();
    const source = testSource({ name: 'src', sourceAddress: '127.0.0.1' });
    expect(await client.connectError([port], {}, { source })).toContain(
      `failed to connect to 127.0.0.1:${port} Some(127.0.0.1): Connection refused`,
    );
    const away = testSource({ name: 'src', sourceAddress: '192.0.2.99' });
    expect(await client.connectError([port], {}, { source: away })).toMatch(
      new RegExp(
        `^All failures are related to having an unplumbed source address\\. Are the network interfaces provisioned correctly\\? connect to 127\\.0\\.0\\.1:${port} and read initial banner: bind 192\\.0\\.2\\.99 for src failed: Cannot assign requested address \\(os error \\d+\\) while attempting to connect to 127\\.0\\.0\\.1:${port}$`,
      ),
    );
    const six = testSource({ name: 'src', sourceAddress: '::1' });
    expect(await client.connectError([port], {}, { source: six })).toContain('of another family');
  });

  test('no answer within connect_timeout', async () => {
    // On a clock whose timers are over at once no connection is fast enough.
    const port = await SmtpSink.refusedPort();
    const hurried = new HurriedClock();
    client = new TestSmtpClient({ guard: new LoopbackGuard({ clock: hurried, ledger: () => {} }) });
    expect(await client.connectError([port])).toBe(
      `connect to 127.0.0.1:${port} and read initial banner: timeout after 60s while connecting to 127.0.0.1:${port} None`,
    );
  });

  test.each([
    [
      'banner',
      '554 5.3.2 not today',
      'Command rejected Response { code: 554, enhanced_code: Some(EnhancedStatusCode { class: 5, subject: 3, detail: 2 }), content: "not today", command: None }',
    ],
    [
      'banner',
      '!drop',
      'reading banner: Error Connection closed by peer reading response to cmd=NONE',
    ],
    ['banner', 'hello', 'reading banner: Malformed Response: hello'],
  ])('%s: %s', async (verb, text, message) => {
    const sink = await client.sink({ [verb]: text });
    expect(await client.connectError([sink.port])).toBe(
      `connect to 127.0.0.1:${sink.port} and read initial banner: ${message}`,
    );
  });

  test('a silent peer', async () => {
    const sink = await client.sink({ banner: '!hang' });
    const timeouts = testTimeouts({ bannerMs: 50 });
    expect(await client.connectError([sink.port], { timeouts })).toMatch(
      /and read initial banner: reading banner: Timed Out waiting [\d.]+ms for response to cmd=NONE$/,
    );
  });

  test('EHLO refused, without a fallback to HELO', async () => {
    const sink = await client.sink({ ehlo: '502 5.5.1 what?' });
    expect(await client.connectError([sink.port])).toBe(
      `127.0.0.1:${sink.port}: EHLO after banner: Command rejected Response { code: 502, enhanced_code: Some(EnhancedStatusCode { class: 5, subject: 5, detail: 1 }), content: "what?", command: Some("EHLO out.golden.test\\r\\n") }`,
    );
    expect(sink.commands()).toEqual(['EHLO out.golden.test']);
    const drops = await client.sink({ ehlo: '!drop' });
    expect(await client.connectError([drops.port])).toBe(
      `127.0.0.1:${drops.port}: EHLO after banner: Error Connection closed by peer reading response to cmd=EHLO out.golden.test`,
    );
  });
});

describe('several candidates', () => {
  test('are tried in order until one opens', async () => {
    const refused = await SmtpSink.refusedPort();
    const angry = await client.sink({ banner: '554 5.3.2 go away' });
    const good = await client.sink();
    const session = await client.planned([refused, angry.port, good.port]);
    const report = await deliver(session);
    expect(report.address.peerAddress?.name).toBe('mx3.sink.test');
    expect(report.details).toMatchObject({
      host: { name: 'mx3.sink.test', port: good.port, portFrom: 'entry' },
      failedBefore: [
        expect.stringContaining('Connection refused'),
        expect.stringContaining('go away'),
      ] as unknown[],
      plan: [{ port: refused }, { port: angry.port }, { port: good.port }],
    });
    expect(session.peer).toBe(`mx3.sink.test (127.0.0.1:${good.port})`);
  });

  test('all fail: their errors are joined', async () => {
    const first = await client.sink({ banner: '554 one' });
    const second = await client.sink({ banner: '554 two' });
    const message = await client.connectError([first.port, second.port]);
    const rejected = (port: number, text: string): string =>
      `connect to 127.0.0.1:${port} and read initial banner: Command rejected Response { code: 554, enhanced_code: None, content: "${text}", command: None }`;
    expect(message).toBe(`${rejected(first.port, 'one')}, ${rejected(second.port, 'two')}`);
  });

  test('the failure brings the conversation along', async () => {
    const sink = await client.sink({ banner: '554 one' });
    const session = await client.planned([sink.port]);
    const error = (await session
      .connect([testMessage()])
      .catch((e: unknown) => e)) as ConnectFailure;
    expect(error.transcript.map(({ who, text }) => `${who} ${text}`)).toEqual([
      `note connected to 127.0.0.1:${sink.port}`,
      'server 554 one',
      `note ${error.message}`,
    ]);
    expect(error.reply).toBeNull();
    expect(error.details).toMatchObject({ failedBefore: [error.message] });
  });

  test('the guard refuses: a reply of its own, and the host to open', async () => {
    const mxList = [{ kind: 'resolved' as const, name: 'mx.example.com.', addr: '192.0.2.1:25' }];
    const session = await client.planned([], {}, { mxList });
    const error = (await session
      .connect([testMessage()])
      .catch((e: unknown) => e)) as ConnectFailure;
    expect(error.message).toBe('guard: mx.example.com is not open');
    expect(error.reply).toEqual({
      code: 451,
      enhanced: { class: 4, subject: 7, detail: 1 },
      text: 'guard: mx.example.com is not open',
      command: null,
    });
    expect(client.ledger).toMatchObject([
      { kind: 'smtp', target: 'mx.example.com (192.0.2.1:25)', allowed: false },
    ]);
  });

  test('settings that are not acted upon are noted', async () => {
    const sink = await client.sink();
    const source = testSource({ name: 'src', socks5ProxyServer: '10.0.0.1:1080' });
    const report = await deliver(
      await client.planned([sink.port], { enableDane: true }, { source }),
    );
    expect(report.details).toMatchObject({
      notes: [
        'DANE: TLSA records are not looked up here',
        'the proxy 10.0.0.1:1080 of source src is not used here: connected directly',
      ],
    });
  });
});

describe('STARTTLS', () => {
  const NAME = 'mx1.sink.test';
  let authority: Pair;
  let good: Pair;

  beforeEach(async () => {
    authority = await certificate({ name: 'Test Authority', isAuthority: true });
    good = await certificate({ name: NAME, signedBy: authority });
    client = new TestSmtpClient({ authorities: [authority.cert] });
  });

  function tlsSink(tls: Pair, script: SinkScript = {}): Promise<SmtpSink> {
    return client.sink({ ehlo: '250-sink\n250-PIPELINING\n250 STARTTLS', tls, ...script });
  }

  function handshakeFailed(sink: SmtpSink, why: string): string {
    const address = `ResolvedAddress { name: "${NAME}", addr: 127.0.0.1:${sink.port}, is_secure: false }`;
    return `TLS handshake with ${address}:${sink.port} failed: ${why}`;
  }

  test.each(['Opportunistic', 'Required'] as const)('%s takes a good certificate', async (mode) => {
    const sink = await tlsSink(good);
    const report = await client.once(sink, { enableTls: mode });
    expect(outcomes(report)).toEqual(['delivered 0 250 2.0.0 queued [.]']);
    expect(report.address.tls).toEqual({
      cipher: expect.stringMatching(/^TLS13_AES_/) as unknown,
      protocolVersion: 'TLSv1_3',
      peerSubjectName: [`CN=${NAME}`],
    });
    expect(sink.seen().slice(1, 9)).toEqual([
      { c: 'EHLO out.golden.test' },
      { s: '250-sink\n250-PIPELINING\n250 STARTTLS' },
      { c: 'STARTTLS' },
      { s: '220 2.0.0 ready' },
      { tls: 'handshake ok' },
      { c: 'EHLO out.golden.test' },
      { s: '250-sink\n250-PIPELINING\n250 STARTTLS' },
      { c: 'MAIL FROM:<sender@shop.test>' },
    ]);
  });

  test.each(['Opportunistic', 'Required'] as const)(
    '%s breaks off with a self-signed certificate and does not go on in the clear',
    async (mode) => {
      const sink = await tlsSink(await certificate({ name: NAME, isAuthority: true }));
      expect(await client.connectError([sink.port], { enableTls: mode })).toBe(
        handshakeFailed(sink, 'invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))'),
      );
      await vi.waitFor(() =>
        expect(sink.seen().slice(3)).toEqual([
          { c: 'STARTTLS' },
          { s: '220 2.0.0 ready' },
          { tls: 'handshake failed' },
        ]),
      );
    },
  );

  test('says what is wrong with a certificate', async () => {
    const why = async (pair: Pair): Promise<string> => {
      const sink = await tlsSink(pair);
      const message = await client.connectError([sink.port], { enableTls: 'Required' });
      return message.replace(/^.* failed: invalid peer certificate: /, '').replace(/\d{3,}/g, 'N');
    };
    expect(await why(await certificate({ name: NAME }))).toBe('UnknownIssuer');
    expect(await why(await certificate({ name: 'other.test', signedBy: authority }))).toBe(
      `certificate not valid for name "${NAME}"; certificate is only valid for DnsName("other.test")`,
    );
    const past: [number, number] = [-7_200_000, -3_600_000];
    expect(
      await why(await certificate({ name: NAME, signedBy: authority, validForMs: past })),
    ).toBe(
      'certificate expired: verification time N (UNIX), but certificate is not valid after N (N seconds ago)',
    );
    const future: [number, number] = [3_600_000, 7_200_000];
    expect(
      await why(await certificate({ name: NAME, signedBy: authority, validForMs: future })),
    ).toBe(
      'certificate not valid yet: verification time N (UNIX), but certificate is not valid before N (N seconds in future)',
    );
  });

  test.each(['OpportunisticInsecure', 'RequiredInsecure'] as const)(
    '%s takes any certificate',
    async (mode) => {
      const sink = await tlsSink(
        await certificate({ name: 'sink.golden.test', isAuthority: true }),
      );
      const report = await client.once(sink, { enableTls: mode });
      expect(outcomes(report)).toEqual(['delivered 0 250 2.0.0 queued [.]']);
      expect(report.address.tls?.peerSubjectName).toEqual(['CN=sink.golden.test']);
      expect(report.details).toMatchObject({ tls: { version: 'TLSv1_3' } });
    },
  );

  test('Disabled and the opportunistic modes deliver in the clear where it is not offered', async () => {
    const offers = await tlsSink(good);
    expect((await client.once(offers, { enableTls: 'Disabled' })).address.tls).toBeNull();
    expect(offers.commands()).not.toContain('STARTTLS');
    const plain = await client.sink();
    for (const enableTls of ['Opportunistic', 'OpportunisticInsecure'] as const) {
      expect(outcomes(await client.once(plain, { enableTls }))[0]).toMatch(/^delivered/);
    }
  });

  test.each(['Required', 'RequiredInsecure'] as const)('%s needs it offered', async (enableTls) => {
    const sink = await client.sink();
    expect(await client.connectError([sink.port], { enableTls })).toBe(
      `tls policy is ${enableTls} but STARTTLS is not advertised by ResolvedAddress { name: "${NAME}", addr: 127.0.0.1:${sink.port}, is_secure: false }:${sink.port}`,
    );
  });

  test('454 ends the attempt, in the insecure mode too', async () => {
    for (const enableTls of ['Opportunistic', 'OpportunisticInsecure'] as const) {
      const sink = await tlsSink(good, { starttls: '454 4.7.0 no TLS now' });
      expect(await client.connectError([sink.port], { enableTls })).toBe(
        'Command rejected Response { code: 454, enhanced_code: Some(EnhancedStatusCode { class: 4, subject: 7, detail: 0 }), content: "no TLS now", command: Some("STARTTLS\\r\\n") }',
      );
      expect(sink.commands()).toEqual(['EHLO out.golden.test', 'STARTTLS']);
    }
  });

  test('a broken handshake: insecure goes on in the clear, others do not', async () => {
    // Without a key the sink answers the handshake as if it were a line of SMTP.
    const script: SinkScript = {
      ehlo: '250-sink\n250-PIPELINING\n250 STARTTLS',
      starttls: '!raw 220 ready\\r\\n',
      other: '!raw HTTP/1.1 400 what\\r\\n\\r\\n',
    };
    const strict = await client.sink({ ...script, starttls: '!then-drop 220 ready' });
    expect(await client.connectError([strict.port], { enableTls: 'Opportunistic' })).toBe(
      handshakeFailed(strict, 'tls handshake eof'),
    );
    const again = await client.sink({ ...script, starttls: '!then-drop 220 ready' });
    const message = await client.connectError([again.port], { enableTls: 'OpportunisticInsecure' });
    expect(message).toBe(
      `All failures are related to OpportunisticInsecure STARTTLS. Consider setting enable_tls=Disabled for this site. 127.0.0.1:${again.port}: EHLO after OpportunisticInsecure STARTTLS handshake status: tls handshake eof: Error Connection closed by peer reading response to cmd=EHLO out.golden.test`,
    );
  });

  test('insecure goes on over the same connection when the peer still listens', async () => {
    const seen: string[] = [];
    const server = createServer((socket) => {
      let isTls = false;
      socket.on('error', () => {});
      socket.write('220 odd\r\n');
      socket.on('data', (bytes) => {
        if (isTls && bytes[0] === 0x16) {
          // The hello of TLS is answered with an alert, then it is SMTP again.
          socket.write(Buffer.from([0x15, 3, 1, 0, 2, 2, 40]));
          return;
        }
        const text = bytes.toString('latin1').replace(/^\x15[\s\S]{6}/, '');
        for (const line of text.split('\r\n').filter((part) => part !== '')) {
          seen.push(line);
          if (line.startsWith('EHLO')) socket.write('250-odd\r\n250 STARTTLS\r\n');
          else if (line === 'STARTTLS') {
            isTls = true;
            socket.write('220 go\r\n');
          } else if (line === 'DATA') socket.write('354 go\r\n');
          else if (line === 'QUIT') socket.end('221 bye\r\n');
          else if (line === '.' || /^(MAIL|RCPT)/.test(line)) socket.write('250 ok\r\n');
        }
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const session = await client.planned([port], { enableTls: 'OpportunisticInsecure' });
    const report = await deliver(session);
    expect(outcomes(report)).toEqual(['delivered 0 250 ok [.]']);
    expect(report.address.tls).toBeNull();
    expect(seen.slice(0, 4)).toEqual([
      'EHLO out.golden.test',
      'STARTTLS',
      'EHLO out.golden.test',
      'MAIL FROM:<sender@shop.test>',
    ]);
    expect(transcriptOf(report)).toContain(
      'note TLS handshake failed: received fatal alert: HandshakeFailure; going on in the clear',
    );
    await session.close();
    await new Promise((resolve) => server.close(resolve));
  });

  test('reconnects without TLS where the path wants that, and remembers it', async () => {
    const bad = await certificate({ name: NAME, isAuthority: true });
    const sink = await tlsSink(bad);
    const path = {
      enableTls: 'Opportunistic',
      opportunisticTlsReconnectOnFailedHandshake: true,
      rememberBrokenTlsMs: 60_000,
    } as const;
    const report = await client.once(sink, path);
    expect(outcomes(report)).toEqual(['delivered 0 250 2.0.0 queued [.]']);
    expect(sink.connections).toHaveLength(2);
    expect(sink.commands(1)).not.toContain('STARTTLS');
    await client.once(sink, path);
    expect(sink.connections).toHaveLength(3);
    expect(sink.commands(2)).not.toContain('STARTTLS');
  });

  test('a literal’s name cannot be asked for', async () => {
    const sink = await tlsSink(good);
    const mxList = [{ kind: 'name' as const, label: `[127.0.0.1]:${sink.port}` }];
    const path = { enableTls: 'OpportunisticInsecure' } as const;
    expect(await client.connectError([], path, { mxList })).toBe(
      'STARTTLS: [127.0.0.1] is not a valid DNS name',
    );
  });

  test('what the peer says in the clear after 220 is not taken for protected', async () => {
    const sink = await tlsSink(good, { starttls: '!raw 220 ready\\r\\n250 injected\\r\\n' });
    const message = await client.connectError([sink.port], { enableTls: 'Required' });
    expect(message).toContain('STARTTLS: the peer went on talking in the clear');
  });

  test('a handshake without end is given up', async () => {
    const sink = await client.sink({ ehlo: '250-sink\n250 STARTTLS', other: '!hang' });
    const timeouts = testTimeouts({ starttlsMs: 100 });
    const message = await client.connectError([sink.port], { enableTls: 'Required', timeouts });
    expect(message).toBe(handshakeFailed(sink, 'deadline has elapsed'));
  });

  test('a peer that vanishes over TLS is noticed', async () => {
    const sink = await tlsSink(good, { dot: '!drop' });
    expect(outcomes(await client.once(sink, { enableTls: 'Required' }))).toEqual([
      'deferred 0 400 KumoMTA internal: failed to send message: Error Connection closed by peer reading response to cmd=. [.]',
    ]);
    const resets = await tlsSink(good, { mail: '!reset' });
    expect(outcomes(await client.once(resets, { enableTls: 'Required' }))[0]).toMatch(
      /^deferred 0 400 KumoMTA internal: failed to send message: Error Connection (closed by|reset by) peer/,
    );
  });

  test('a large body goes through TLS unchanged', async () => {
    const sink = await tlsSink(good);
    const body = `Subject: x\r\n\r\n${`${'y'.repeat(998)}\r\n`.repeat(3000)}`;
    const report = await client.once(sink, { enableTls: 'Required' }, testMessage({ body }));
    expect(outcomes(report)).toEqual(['delivered 0 250 2.0.0 queued [.]']);
    expect(sink.seen()).toContainEqual({ data: body });
  });

  test('a reused TLS connection that was closed while idle is noticed', async () => {
    const sink = await tlsSink(good, { unsolicited: { afterDot: '!then-drop 421 4.4.2 idle' } });
    const session = await client.planned([sink.port], { enableTls: 'Required' });
    await deliver(session);
    await vi.waitFor(() => expect(sink.openCount).toBe(0), 2000);
    await expect(session.connect([testMessage()])).rejects.toMatchObject({
      reason: 'PeerClosedConnection',
    });
  });
});

describe('AUTH PLAIN', () => {
  const path = {
    smtpAuthPlainUsername: 'relay-user',
    smtpAuthPlainPassword: { kind: 'data', data: Buffer.from('relay-pass') },
  } as const;
  const ehlo = '250-sink\n250-PIPELINING\n250 AUTH PLAIN LOGIN';
  const COMMAND = 'AUTH PLAIN AHJlbGF5LXVzZXIAcmVsYXktcGFzcw==';

  test('in the clear only when the path allows it; the transcript hides it', async () => {
    const sink = await client.sink({ ehlo });
    const report = await client.once(sink, { ...path, allowSmtpAuthPlainWithoutTls: true });
    expect(sink.commands()[1]).toBe(COMMAND);
    expect(transcriptOf(report)).toContain('client AUTH PLAIN ••••');
    expect(JSON.stringify(report)).not.toContain('AHJl');
    expect(await client.connectError([sink.port], path)).toMatch(
      /^TLS is not enabled and AUTH PLAIN is required\. Skipping \(ResolvedAddress \{/,
    );
  });

  test('under TLS; an unverified certificate needs a permission of its own', async () => {
    const pair = await certificate({ name: 'x.test', isAuthority: true });
    const sink = await client.sink({
      ehlo: `${ehlo.replace('250 AUTH', '250-AUTH')}\n250 STARTTLS`,
      tls: pair,
    });
    const insecure = { ...path, enableTls: 'OpportunisticInsecure' } as const;
    expect(await client.connectError([sink.port], insecure)).toMatch(
      /^The certificate was not verified/,
    );
    const allowed = { ...insecure, allowSmtpAuthPlainWithoutValidCertificate: true };
    expect(outcomes(await client.once(sink, allowed))).toEqual([
      'delivered 0 250 2.0.0 queued [.]',
    ]);
    expect(sink.commands(1)).toContain(COMMAND);
  });

  test.each([
    [true, `Some("${COMMAND}\\r\\n")`],
    [false, 'Some("AUTH PLAIN ••••\\r\\n")'],
  ])('a refusal names the command (strict: %s)', async (isStrict, command) => {
    client = new TestSmtpClient({ isStrict });
    const sink = await client.sink({ ehlo, auth: '535 5.7.8 no' });
    const allowed = { ...path, allowSmtpAuthPlainWithoutTls: true };
    expect(await client.connectError([sink.port], allowed)).toBe(
      `127.0.0.1:${sink.port}: AUTH PLAIN: Command rejected Response { code: 535, enhanced_code: Some(EnhancedStatusCode { class: 5, subject: 7, detail: 8 }), content: "no", command: ${command} }`,
    );
  });
});
