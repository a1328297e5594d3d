import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { SystemClock } from '../../../engine/base/clock.ts';
import { LocalResolver } from '../../../engine/dns/local-resolver.ts';
import { parseDkimKey, signatureHeader, signMessage } from '../../../engine/mail/dkim.ts';
import type { DkimSigner } from '../../../engine/mail/dkim.ts';
import { verifySignatures } from '../../../engine/mail/dkim-verify.ts';
import type { TxtLookup } from '../../../engine/mail/dkim-verify.ts';
import {
  authenticationResultsText,
  checkDmarc,
  checkSpf,
  sealArc,
  verifyArc,
  verifyDkim,
} from '../../../engine/policy/bindings/mail-auth.ts';

const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 });
const ed25519 = generateKeyPairSync('ed25519');
const NOW = Date.parse('2026-01-02T03:04:05Z');
const MESSAGE = Buffer.from(
  'From: Shop <news@shop.test>\r\nTo: reader@dest.test\r\nSubject:   folded\r\n   subject  \r\nX-Other: 1\r\n\r\nbody  with   spaces \r\n\ttab\r\n\r\n\r\n',
);

const zone = `$ORIGIN shop.test.
rsa._domainkey 600 TXT "v=DKIM1; k=rsa; p=${rsa.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')}"
ed._domainkey 600 TXT "v=DKIM1; k=ed25519; p=${ed25519.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64')}"
@ 600 TXT "v=spf1 ip4:192.0.2.0/24 a:mail.shop.test -all"
mail 600 A 198.51.100.7
_dmarc 600 TXT "v=DMARC1; p=reject"
bad._domainkey 600 TXT "v=DKIM1; p=AAAA"
new._domainkey 600 TXT "v=DKIM2; p=AAAA"
`;
const otherZone = `$ORIGIN other.test.
rsa._domainkey 600 TXT "p=${rsa.publicKey.export({ format: 'der', type: 'pkcs1' }).toString('base64')}"
`;
const resolver = new LocalResolver({ clock: new SystemClock(), system: null });
resolver.configureTestResolver(
  [zone, otherZone].map((text) => ({ zone: text, secure: false })),
  [],
);

const signer = (change: Partial<DkimSigner> = {}): DkimSigner => ({
  domain: 'shop.test',
  selector: 'rsa',
  headers: ['From', 'To', 'Subject'],
  key: rsa.privateKey,
  headerCanonicalization: 'Relaxed',
  bodyCanonicalization: 'Relaxed',
  overSign: false,
  expiration: null,
  ...change,
});

const verdict = async (data: Uint8Array, now = NOW): Promise<string> =>
  (await verifyDkim(data, resolver, now))
    .map(({ result, reason }) => (reason === null ? result : `${result} (${reason})`))
    .join(', ');

describe('signatureHeader()', () => {
  it('writes the tags in order and folds with CRLF and a tab', () => {
    const header = signatureHeader(MESSAGE, signer({ expiration: 60 }), NOW);
    expect(header.replace(/b=[A-Za-z0-9+/=]{20,}$/, 'b=…')).toBe(
      'DKIM-Signature: v=1; a=rsa-sha256; d=shop.test; s=rsa; c=relaxed/relaxed;\r\n' +
        '\tbh=gAKDLsJ2P34nQobihISYC2CnLhiMF/GjWAio4ejuwTo=; h=from:to:subject;\r\n' +
        '\tt=1767323045; x=1767323105;\r\n\tb=…',
    );
  });

  it('lists one more instance of each field when over-signing', () => {
    const twice = Buffer.concat([Buffer.from('To: other@dest.test\r\n'), MESSAGE]);
    const header = signatureHeader(twice, signer({ overSign: true }), NOW);
    expect(/\sh=([^;]*)/.exec(header)?.[1]).toBe('from:to:subject:from:to:to:subject');
  });
});

describe('signMessage() and verifyDkim()', () => {
  it.each([
    ['Relaxed', 'Relaxed'],
    ['Simple', 'Simple'],
    ['Relaxed', 'Simple'],
    ['Simple', 'Relaxed'],
  ] as const)('agree for %s/%s with both kinds of key', async (header, body) => {
    const modes = { headerCanonicalization: header, bodyCanonicalization: body };
    for (const overSign of [false, true]) {
      expect(await verdict(signMessage(MESSAGE, signer({ ...modes, overSign }), NOW))).toBe('pass');
      const ed = signer({ ...modes, overSign, selector: 'ed', key: ed25519.privateKey });
      expect(await verdict(signMessage(MESSAGE, ed, NOW))).toBe('pass');
    }
  });

  it('agree on empty bodies and repeated fields', async () => {
    for (const text of [
      'From: a@shop.test\r\n\r\n',
      'From: a@shop.test\r\nTo: x\r\nTo: y\r\n\r\n\r\n',
    ]) {
      for (const mode of ['Relaxed', 'Simple'] as const) {
        const modes = { headerCanonicalization: mode, bodyCanonicalization: mode };
        expect(await verdict(signMessage(Buffer.from(text), signer(modes), NOW))).toBe('pass');
      }
    }
  });

  const tampered: [string, (signed: string) => string, string][] = [
    ['the body', (m) => m.replace('body', 'BODY'), 'permerror (body hash did not verify)'],
    ['a field', (m) => m.replace('folded', 'forged'), 'permerror (signature did not verify)'],
    [
      'From',
      (m) => m.replace('<news@shop', '<news@x.shop'),
      'permerror (signature did not verify)',
    ],
    ['the version', (m) => m.replace('v=1', 'v=2'), 'permerror (incompatible version)'],
    ['a tag', (m) => m.replace('bh=', 'zz='), 'permerror (signature missing required tag (bh))'],
    ['the user', (m) => m.replace('v=1', 'v=1; i=@other.test'), 'permerror (domain mismatch)'],
    ['the names', (m) => m.replace('h=from:', 'h='), 'permerror (From field not signed)'],
    ['the query', (m) => m.replace('v=1', 'v=1; q=http'), 'permerror (unsupported query method)'],
    [
      'a',
      (m) => m.replace('rsa-sha256', 'rsa-md5'),
      'permerror (unsupported hash algorithm: rsa-md5)',
    ],
    [
      'c',
      (m) => m.replace('relaxed/', 'loose/'),
      'permerror (unsupported canonicalization: loose/relaxed)',
    ],
    ['the kind', (m) => m.replace('s=rsa', 's=ed'), 'permerror (inappropriate key algorithm)'],
    ['the key', (m) => m.replace('s=rsa', 's=none'), 'permerror (no key for signature)'],
    ['a record', (m) => m.replace('s=rsa', 's=bad'), 'permerror (key syntax error)'],
    ['its version', (m) => m.replace('s=rsa', 's=new'), 'permerror (key incompatible version)'],
  ];

  it.each(tampered)('say what is wrong with %s', async (_what, change, expected) => {
    const signed = Buffer.from(signMessage(MESSAGE, signer({ expiration: 60 }), NOW)).toString();
    expect(await verdict(Buffer.from(change(signed)))).toBe(expected);
  });

  it('tolerate clocks that differ, say that a signature of another domain is a matter of policy', async () => {
    const signed = signMessage(MESSAGE, signer({ expiration: 60 }), NOW);
    expect(await verdict(Buffer.from(signed), NOW + 15 * 60_000)).toBe('pass');
    expect(await verdict(Buffer.from(signed), NOW + 17 * 60_000)).toBe(
      'permerror (signature expired)',
    );
    const other = signMessage(MESSAGE, signer({ domain: 'other.test' }), NOW);
    expect(await verdict(other)).toBe('policy (mail-from-mismatch-signing-domain)');
    expect(await verdict(MESSAGE)).toBe('');
    const lost: TxtLookup = () => Promise.reject(new Error('no server answers'));
    expect(await verifySignatures(Buffer.from(signed), lost, NOW)).toMatchObject([
      { result: 'temperror', reason: 'key unavailable: no server answers' },
    ]);
  });

  it('tells the properties of a signature', async () => {
    const [result] = await verifyDkim(signMessage(MESSAGE, signer(), NOW), resolver, NOW);
    expect(result?.props).toMatchObject({
      'header.a': 'rsa-sha256',
      'header.c': 'relaxed/relaxed',
      'header.d': 'shop.test',
      'header.i': '@shop.test',
      'header.s': 'rsa',
    });
  });
});

describe('parseDkimKey()', () => {
  it('takes PEM and DER of both standards', () => {
    const forms = [
      rsa.privateKey.export({ format: 'pem', type: 'pkcs1' }),
      rsa.privateKey.export({ format: 'der', type: 'pkcs1' }),
      rsa.privateKey.export({ format: 'der', type: 'pkcs8' }),
      ed25519.privateKey.export({ format: 'pem', type: 'pkcs8' }),
    ];
    expect(forms.map((form) => parseDkimKey(Buffer.from(form)).asymmetricKeyType)).toEqual([
      'rsa',
      'rsa',
      'rsa',
      'ed25519',
    ]);
    expect(() => parseDkimKey(Buffer.from('nonsense'))).toThrow();
  });
});

it('checks SPF and DMARC', async () => {
  const ask = (ip: string) =>
    checkSpf({ ip, helo: 'client.test', sender: 'news@shop.test', hostname: 'mx.test' }, resolver);
  expect((await ask('192.0.2.9')).result).toBe('pass');
  expect((await ask('198.51.100.7')).result).toBe('pass');
  const failed = await ask('203.0.113.1');
  expect(failed.result).toBe('fail');
  const dkim = await verifyDkim(signMessage(MESSAGE, signer(), NOW), resolver, NOW);
  const dmarc = (results: typeof dkim) =>
    checkDmarc({ fromDomain: 'shop.test', dkim: results, spf: failed }, resolver);
  expect((await dmarc(dkim)).result).toBe('pass');
  expect(await dmarc([])).toMatchObject({ result: 'fail', reason: 'policy is reject' });
});

it('seals messages so that the chain verifies', async () => {
  const results = [
    {
      method: 'spf',
      methodVersion: null,
      result: 'pass',
      reason: null,
      props: { 'smtp.mailfrom': 'a@b' },
    },
  ];
  const sealed = await sealArc(MESSAGE, signer(), 'mx.test', results, resolver, Date.now());
  expect((await verifyArc(sealed, resolver, Date.now())).result).toBe('pass');
  expect((await verifyArc(MESSAGE, resolver, Date.now())).result).toBe('none');
  const again = await sealArc(sealed, signer(), 'mx.test', results, resolver, Date.now());
  expect((await verifyArc(again, resolver, Date.now())).result).toBe('pass');
});

it('writes Authentication-Results', () => {
  expect(
    authenticationResultsText('mx.test', [
      {
        method: 'dkim',
        methodVersion: null,
        result: 'fail',
        reason: 'body hash did not verify',
        props: { 'header.d': 'shop.test' },
      },
      {
        method: 'spf',
        methodVersion: null,
        result: 'pass',
        reason: null,
        props: { 'smtp.mailfrom': 'a@b.test' },
      },
    ]),
  ).toBe(
    'mx.test; dkim=fail reason="body hash did not verify" header.d=shop.test; spf=pass smtp.mailfrom=a@b.test',
  );
  expect(authenticationResultsText('mx.test', [])).toBe('mx.test; none');
});
