/** Who may do what: relaying, TLS, AUTH, XCLIENT, the PROXY protocol. */
import { generate } from 'selfsigned';
import { describe, expect, test } from 'vitest';
import { CidrSet } from '../../../engine/base/cidr.ts';
import type { ConnectionMeta } from '../../../engine/mail/connection-meta.ts';
import type { EnvelopeAddress } from '../../../engine/mail/envelope.ts';
import type { ListenerDomain } from '../../../engine/policy/settings.ts';
import { ORDINARY_MODE } from '../../../engine/reception/mode.ts';
import { ReceptionWorld } from '../../support/reception-fakes.ts';
import { SmtpScript } from '../../support/smtp-script.ts';

const MESSAGE = 'Subject: golden\n\nhello\n';
const ELSEWHERE = new CidrSet(['192.0.2.0/24']);
const DOMAIN: ListenerDomain = {
  relayTo: false,
  relayFrom: new CidrSet([]),
  logOob: 'Ignore',
  logArf: 'Ignore',
};
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const ALICE = base64('\0alice\0wonderland');

describe('relaying', () => {
  test('is refused to strangers at RCPT', async () => {
    await using world = await ReceptionWorld.open({ params: { relayHosts: ELSEWHERE } });
    await using smtp = await SmtpScript.connect(world.address);
    const replies = await smtp.sayAll(
      'MAIL FROM:<a@shop.test>',
      'RCPT TO:<b@dest.test>',
      'DATA',
      'RSET',
      'MAIL FROM:<>',
      'RCPT TO:<Postmaster>',
    );
    expect(replies.map((reply) => reply.replace(/127\.0\.0\.1:\d+/, 'PEER'))).toEqual([
      '250 OK <a@shop.test>',
      '550 5.7.1 relaying not permitted for PEER',
      '503 5.5.0 RCPT TO must be issued first',
      '250 Reset state',
      '250 OK <>',
      '550 5.7.1 relaying not permitted for PEER',
    ]);
  });

  test('is open to this machine at the ordinary listener, which notes what KumoMTA would say', async () => {
    await using world = await ReceptionWorld.open({
      params: { relayHosts: ELSEWHERE, allowXclient: true },
      mode: ORDINARY_MODE,
    });
    await using smtp = await SmtpScript.connect(world.address);
    expect((await smtp.send('a@shop.test', ['b@dest.test'], MESSAGE))[0]).toMatch(/^250 OK ids=/);
    const said = world.store.transactions[0]?.transcript.map(({ who, text }) => `${who} ${text}`);
    expect(said?.map((line) => line.replace(/127\.0\.0\.1:\d+/, 'PEER'))).toContain(
      'note KumoMTA would refuse: 550 5.7.1 relaying not permitted for PEER',
    );
    await smtp.sayAll('XCLIENT ADDR=198.51.100.7', 'MAIL FROM:<a@shop.test>');
    expect(await smtp.say('RCPT TO:<b@dest.test>')).toEqual([
      expect.stringContaining('550 5.7.1 relaying not permitted for 198.51.100.7'),
    ]);
  });

  test('notes nothing where the policy lets this machine relay', async () => {
    await using world = await ReceptionWorld.open({ mode: ORDINARY_MODE });
    await using smtp = await SmtpScript.connect(world.address);
    await smtp.send('a@shop.test', ['b@dest.test'], MESSAGE);
    const notes = world.store.transactions[0]?.transcript.filter(({ who }) => who === 'note');
    expect(notes).toEqual([]);
  });

  test('asks for listener domains by the address that the policy wrote', async () => {
    await using world = await ReceptionWorld.open({ listen: '0.0.0.0:587' });
    const asked: unknown[] = [];
    world.policy.on('get_listener_domain', (_: string, listener: string, meta: ConnectionMeta) => {
      asked.push([listener, meta.get('received_via')]);
      return null;
    });
    await using smtp = await SmtpScript.connect(world.address);
    await smtp.send('a@shop.test', ['b@shop.test'], MESSAGE);
    expect(asked).toEqual([['127.0.0.1:587', '127.0.0.1:587']]);
  });

  test('is opened by listener domains, asked for once per session', async () => {
    await using world = await ReceptionWorld.open({ params: { relayHosts: ELSEWHERE } });
    const asked: string[] = [];
    world.policy.on('get_listener_domain', (domain: string, listener: string) => {
      asked.push(domain);
      expect(listener).toBe(world.address);
      if (domain === 'open.test') return { ...DOMAIN, relayTo: true };
      if (domain === 'mine.test') return { ...DOMAIN, relayFrom: new CidrSet(['127.0.0.0/8']) };
      return null;
    });
    await using smtp = await SmtpScript.connect(world.address);
    const codes = async (...lines: string[]): Promise<string[]> =>
      (await smtp.sayAll(...lines)).map((reply) => reply.slice(0, 3));
    const to = (address: string): string => `RCPT TO:<${address}>`;
    expect(
      await codes(
        'MAIL FROM:<a@shop.test>',
        to('b@dest.test'),
        to('b@open.test'),
        to('d@OPEN.test'),
      ),
    ).toEqual(['250', '550', '250', '250']);
    await smtp.say('DATA');
    expect((await smtp.body(MESSAGE))[0]).toMatch(/^250 OK ids=\w+ \w+$/);
    expect(await codes('MAIL FROM:<x@mine.test>', to('y@dest.test'))).toEqual(['250', '250']);
    expect(asked).toEqual(['shop.test', 'dest.test', 'open.test', 'mine.test']);
  });

  test('remembers a bounded number of domains', async () => {
    await using world = await ReceptionWorld.open();
    world.policy.on('get_listener_domain', () => null);
    await using smtp = await SmtpScript.connect(world.address);
    await smtp.say('MAIL FROM:<>');
    for (let i = 0; i < 20; i++) await smtp.say(`RCPT TO:<a@d${i}.test>`);
    await smtp.say('RCPT TO:<a@d19.test>');
    expect(world.policy.calls).toHaveLength(22);
    await smtp.say('RCPT TO:<a@d0.test>');
    expect(world.policy.calls).toHaveLength(23);
  });

  test('mail that is no report to a domain that only logs them is recorded and refused', async () => {
    await using world = await ReceptionWorld.open({ params: { relayHosts: ELSEWHERE } });
    world.policy.on('get_listener_domain', (domain: string) =>
      domain === 'bounces.test' ? { ...DOMAIN, logOob: 'LogThenDrop' } : null,
    );
    await using smtp = await SmtpScript.connect(world.address);
    expect(await smtp.send('s@shop.test', ['r@bounces.test'], MESSAGE)).toEqual([
      '550 5.7.1 relaying not permitted',
    ]);
    expect(world.log.summary()).toEqual([
      'Reception 250 | - | s@shop.test -> r@bounces.test',
      'Rejection 550 5.7.1 relaying not permitted | DATA |  -> ',
    ]);
    expect(world.log.records[0]?.rowSeqs).toEqual([]);
    expect(world.queue.inserted).toEqual([]);
    expect(world.store.transactions[0]?.refused).toMatchObject([
      { recipient: 'r@bounces.test', state: 'rejected', code: 550 },
    ]);
  });
});

describe('STARTTLS and AUTH', () => {
  test('go together, and the record says how', async () => {
    await using world = await ReceptionWorld.open();
    const asked: string[] = [];
    world.policy.on('smtp_server_auth_plain', (authz: string, authc: string, password: string) => {
      asked.push([authz, authc, password].join(' '));
      return password === 'wonderland';
    });
    let ids: unknown[] = [];
    world.policy.on('smtp_server_mail_from', (_: EnvelopeAddress, meta: ConnectionMeta) => {
      ids = ['authz_id', 'authn_id', 'tls_protocol_version'].map((key) => meta.get(key));
      ids.push(meta.authInfo.identities.map(({ context }) => context));
    });
    await using smtp = await SmtpScript.connect(world.address);
    expect(await smtp.sayAll('AUTH LOGIN', `AUTH PLAIN ${ALICE}`, 'STARTTLS')).toEqual([
      '504 5.5.4 AUTH LOGIN not supported',
      '524 5.7.11 AUTH PLAIN requires an encrypted channel',
      '220 Ready to Start TLS',
    ]);
    await smtp.startTls();
    expect((await smtp.say('EHLO c.test')).at(-1)).toBe('250 AUTH PLAIN');
    expect(
      await smtp.sayAll(
        'STARTTLS',
        'AUTH LOGIN',
        'AUTH plain',
        'AUTH PLAIN !!!',
        `AUTH PLAIN ${base64('\0alice\0wrong')}`,
        `AUTH PLAIN ${base64('no fields')}`,
        'AUTH PLAIN',
        '*',
        'AUTH PLAIN',
        'not base64',
        'AUTH PLAIN',
        ALICE,
        `AUTH PLAIN ${ALICE}`,
      ),
    ).toEqual([
      '501 Cannot STARTTLS as TLS is already active',
      '504 5.5.4 AUTH LOGIN not supported',
      '504 5.5.4 AUTH plain not supported',
      '501 Syntax error in command or arguments',
      '535 5.7.8 AUTH invalid',
      '501 5.5.2 Invalid decoded PLAIN response',
      '334  ',
      '501 5.5.0 AUTH cancelled by client',
      '334  ',
      '501 5.5.2 Invalid base64 response',
      '334  ',
      '235 2.7.0 AUTH OK!',
      "503 5.5.1 AUTH me once, can't get authed again!",
    ]);
    expect(asked).toEqual(['alice alice wrong', 'alice alice wonderland']);
    expect((await smtp.send('a@b.test', ['c@d.test'], MESSAGE))[0]).toMatch(/^250 OK/);
    expect(ids).toEqual([
      'alice',
      'alice',
      'TLSv1_3',
      ['SmtpAuthPlainAuthorization', 'SmtpAuthPlainAuthentication'],
    ]);
    expect(world.log.records.at(-1)).toMatchObject({
      type: 'Reception',
      tls: { protocolVersion: 'TLSv1_3', peerSubjectName: [] },
    });
    const commands = world.log.records.map((record) => record.response.command);
    expect(commands.slice(0, 7)).toEqual([
      'AUTH LOGIN',
      `AUTH PLAIN ${ALICE}`,
      'STARTTLS',
      'AUTH LOGIN',
      'AUTH plain',
      'AUTH PLAIN !!!',
      base64('\0alice\0wrong'),
    ]);
    const kept = JSON.stringify(world.store.transactions);
    expect(kept).toContain('AUTH PLAIN ••••');
    expect(kept).not.toContain(ALICE);
    expect(kept).not.toContain('AGFsaWNlAHdyb25n');
  });

  test('AUTH is refused inside a transaction, and over the line limit', async () => {
    await using world = await ReceptionWorld.open({ mode: ORDINARY_MODE });
    await using smtp = await SmtpScript.connect(world.address);
    expect(await smtp.sayAll('MAIL FROM:<a@b.test>', 'AUTH PLAIN', 'RSET', 'AUTH PLAIN')).toEqual([
      '250 OK <a@b.test>',
      '503 5.5.1 AUTH not permitted inside a transaction',
      '250 Reset state',
      '334  ',
    ]);
    expect(await smtp.say('A'.repeat(16_385))).toEqual([
      '500 5.5.6 authentication exchange line too long',
    ]);
  });

  test('input sent in clear after STARTTLS is thrown away', async () => {
    await using world = await ReceptionWorld.open();
    await using smtp = await SmtpScript.connect(world.address);
    smtp.write('STARTTLS\r\nMAIL FROM:<injected@b.test>\r\n');
    expect(await smtp.reply()).toEqual(['220 Ready to Start TLS']);
    await smtp.startTls();
    expect(await smtp.say('MAIL FROM:<a@b.test>')).toEqual(['250 OK <a@b.test>']);
  });

  test('a client that waits for a line of AUTH can be idle too', async () => {
    await using world = await ReceptionWorld.open({
      mode: ORDINARY_MODE,
      params: { clientTimeoutMs: 400 },
    });
    await using smtp = await SmtpScript.connect(world.address);
    expect(await smtp.say('AUTH PLAIN')).toEqual(['334  ']);
    expect(await smtp.reply()).toEqual(['421 4.3.2 mx.golden.test idle too long']);
    expect(await smtp.reply()).toEqual(['!closed']);
  });

  test('a client certificate is demanded when the listener names an authority', async () => {
    const ca = await generate([{ name: 'commonName', value: 'client.test' }], {
      algorithm: 'sha256',
      extensions: [{ name: 'basicConstraints', cA: true }],
    });
    await using world = await ReceptionWorld.open({
      params: { tlsRequiredClientCa: { kind: 'data', data: Buffer.from(ca.cert) } },
    });
    await using stranger = await SmtpScript.connect(world.address);
    await stranger.say('STARTTLS');
    await stranger.startTls({ maxVersion: 'TLSv1.2' }).catch(() => {});
    expect(await stranger.reply()).toEqual(['!closed']);
    await using known = await SmtpScript.connect(world.address);
    await known.say('STARTTLS');
    await known.startTls({ cert: ca.cert, key: ca.private });
    await known.say('EHLO c.test');
    await known.send('a@b.test', ['c@d.test'], MESSAGE);
    expect(world.log.records.at(-1)?.tls?.peerSubjectName).toEqual(['CN=client.test']);
  });

  test('an unreadable certificate is an internal error before the 220', async () => {
    const source = { kind: 'file', path: '/nonexistent/key.pem' } as const;
    await using world = await ReceptionWorld.open({
      params: { tlsCertificate: source, tlsPrivateKey: source },
    });
    await using smtp = await SmtpScript.connect(world.address);
    expect(await smtp.say('STARTTLS')).toEqual(['421 4.3.0 mx.golden.test technical difficulties']);
  });
});

describe('the ordinary listener', () => {
  test('offers SIZE and AUTH in clear and believes any login', async () => {
    await using world = await ReceptionWorld.open({
      mode: ORDINARY_MODE,
      params: { maxMessageSize: 1000 },
    });
    await using smtp = await SmtpScript.connect(world.address);
    expect((await smtp.say('EHLO c.test')).slice(-3)).toEqual([
      '250-STARTTLS',
      '250-AUTH PLAIN LOGIN',
      '250 SIZE 1000',
    ]);
    expect(await smtp.sayAll('AUTH LOGIN', base64('alice'), base64('secret'))).toEqual([
      '334 VXNlcm5hbWU6',
      '334 UGFzc3dvcmQ6',
      '235 2.7.0 AUTH OK!',
    ]);
    expect(
      await smtp.sayAll('MAIL FROM:<a@b.test> SIZE=1001', 'MAIL FROM:<a@b.test> SIZE=9'),
    ).toEqual(['552 5.3.4 message too big', '250 OK <a@b.test>']);
    await smtp.say('QUIT');
    expect(world.store.transactions[0]?.session.auth).toBe('alice');
    expect(JSON.stringify(world.store.transactions)).not.toContain(base64('secret'));
  });

  test('asks the policy when it checks logins, and hides secrets in records', async () => {
    await using world = await ReceptionWorld.open({ mode: ORDINARY_MODE });
    world.policy.on('smtp_server_auth_plain', () => false);
    await using smtp = await SmtpScript.connect(world.address);
    expect(await smtp.sayAll(`auth plain ${ALICE}`, `AUTH PLAIN ${ALICE}=x`)).toEqual([
      '535 5.7.8 AUTH invalid',
      '501 Syntax error in command or arguments',
    ]);
    expect(world.log.records.map((record) => record.response.command)).toEqual([
      '••••',
      'AUTH PLAIN ••••',
    ]);
  });

  test('can speak TLS from the first byte', async () => {
    await using world = await ReceptionWorld.open({ mode: ORDINARY_MODE, isImplicitTls: true });
    await using smtp = await SmtpScript.connect(world.address, { tls: {} });
    expect(smtp.banner).toEqual(['220 mx.golden.test golden']);
    expect((await smtp.say('EHLO c.test')).slice(-2)).toEqual([
      '250-AUTH PLAIN LOGIN',
      '250 SIZE 20971520',
    ]);
  });
});

describe('XCLIENT', () => {
  test('moves the session to other addresses and their parameters', async () => {
    await using world = await ReceptionWorld.open({
      params: { allowXclient: true },
      peers: { '192.0.2.10': { banner: 'far away', allowXclient: false } },
    });
    let from: unknown[] = [];
    world.policy.on('smtp_server_mail_from', (_: EnvelopeAddress, meta: ConnectionMeta) => {
      from = ['received_from', 'orig_received_via'].map((key) => meta.get(key));
    });
    await using smtp = await SmtpScript.connect(world.address);
    expect((await smtp.say('EHLO c.test')).at(-1)).toBe('250 XCLIENT ADDR PORT DESTADDR DESTPORT');
    expect(
      await smtp.sayAll(
        'XCLIENT ADDR=bogus',
        'XCLIENT NAME=foo',
        'XCLIENT PORT=70000',
        'XCLIENT ADDR=192.0.2.10 PORT=4242',
        'MAIL FROM:<a@shop.test>',
        'RCPT TO:<b@dest.test>',
        'XCLIENT ADDR=192.0.2.11',
      ),
    ).toEqual([
      '501 ADDR bogus is invalid',
      '501 parameter NAME is not supported',
      '501 PORT 70000 is invalid',
      '220 mx.golden.test far away',
      '250 OK <a@shop.test>',
      '550 5.7.1 relaying not permitted for 192.0.2.10:4242',
      '550 insufficient authorization',
    ]);
    expect(from).toEqual(['192.0.2.10:4242', world.address]);
    expect(world.log.records[0]?.response.command).toBeNull();
    expect(world.log.records.at(-1)?.peerAddress?.addr).toBe('192.0.2.10');
  });
});

describe('the PROXY protocol', () => {
  const version2 = Buffer.concat([
    Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1'),
    Buffer.from([0x21, 0x11, 0, 12, 192, 0, 2, 7, 198, 51, 100, 9, 0x10, 0x92, 0, 25]),
  ]);

  test.each([
    ['version 1', Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.9 4242 25\r\n')],
    ['version 2', version2],
  ])('%s says who the client is', async (_, header) => {
    await using world = await ReceptionWorld.open({ params: { requireProxyProtocol: true } });
    await using smtp = await SmtpScript.connect(world.address, { first: header });
    expect(smtp.banner).toEqual(['220 mx.golden.test golden']);
    expect(await smtp.sayAll('MAIL FROM:<a@b.test>', 'RCPT TO:<c@d.test>')).toEqual([
      '250 OK <a@b.test>',
      '550 5.7.1 relaying not permitted for 192.0.2.7:4242',
    ]);
  });

  test('may keep the addresses, and pipelined commands follow the header', async () => {
    await using world = await ReceptionWorld.open({ params: { requireProxyProtocol: true } });
    await using smtp = await SmtpScript.connect(world.address, {
      first: Buffer.from('PROXY UNKNOWN\r\nNOOP\r\n'),
    });
    expect(smtp.banner).toEqual(['220 mx.golden.test golden']);
    expect(await smtp.reply()).toEqual(['250 the goggles do nothing']);
  });

  test.each(['EHLO c.test\r\n', 'PROXY TCP4 1.2.3.4 ::1 1 2\r\n', 'x'.repeat(200)])(
    'closes without a word on %j',
    async (first) => {
      await using world = await ReceptionWorld.open({ params: { requireProxyProtocol: true } });
      await using smtp = await SmtpScript.connect(world.address, { first: Buffer.from(first) });
      expect(smtp.banner).toEqual(['!closed']);
      expect(world.log.records).toEqual([]);
    },
  );
});
