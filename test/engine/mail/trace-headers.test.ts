import { describe, expect, test } from 'vitest';
import type { SpoolId } from '../../../engine/base/ids.ts';
import { jsonFloat } from '../../../engine/mail/json.ts';
import { parseEnvelopeAddress } from '../../../engine/mail/path.ts';
import { Message } from '../../../engine/mail/message.ts';
import {
  applySupplementalHeader,
  httpReceivedHeader,
  readSupplementalTrace,
  receivedHeader,
  supplementalHeader,
} from '../../../engine/mail/trace-headers.ts';

const ID = 'd7ef132b5d7711eea1e0242ac1100003' as SpoolId;
const AT = Date.UTC(2015, 0, 5, 10, 0, 0);
const PLAIN = { headerName: 'X-KumoRef', includeMetaNames: [] };

describe('receivedHeader()', () => {
  const facts = {
    ehloDomain: 'client.golden.test',
    peerIp: '127.0.0.1',
    hostname: 'mx.golden.test',
    localIp: '127.0.0.2',
    protocol: 'ESMTP' as const,
    tls: null,
    id: ID,
    firstRecipient: 'recip@example.test',
    dateMs: AT,
  };

  test('has four lines, with a blank before the first break', () => {
    expect(receivedHeader(facts)).toBe(
      'Received: from client.golden.test (127.0.0.1)\r\n' +
        '  by mx.golden.test (KumoMTA 127.0.0.2) \r\n' +
        `  with ESMTP id ${ID} for <recip@example.test>;\r\n` +
        '  Mon, 5 Jan 2015 10:00:00 +0000\r\n',
    );
  });

  test('names the encryption, and a client that did not say its name', () => {
    const tls = { version: 'TLSv1_3', cipher: 'TLS13_AES_256_GCM_SHA384' };
    const header = receivedHeader({ ...facts, ehloDomain: null, protocol: 'ESMTPSA', tls });
    expect(header).toContain('from unspecified (127.0.0.1)');
    expect(header).toContain('  with ESMTPSA (TLSv1_3:TLS13_AES_256_GCM_SHA384)  id ');
  });
});

test('httpReceivedHeader() says HTTP', () => {
  expect(
    httpReceivedHeader({
      senderDomain: 'store.test',
      peerIp: '127.0.0.1',
      hostname: 'box',
      id: ID,
      recipient: 'a@dest.test',
      dateMs: AT,
    }),
  ).toBe(
    'Received: from store.test (127.0.0.1)\r\n  by box (KumoMTA)\r\n' +
      `  with HTTP id ${ID} for <a@dest.test>;\r\n  Mon, 5 Jan 2015 10:00:00 +0000\r\n`,
  );
});

describe('supplementalHeader()', () => {
  test('is what KumoMTA writes for one recipient', () => {
    expect(supplementalHeader(['recip@example.com'], {}, PLAIN)).toBe(
      'X-KumoRef: eyJfQF8iOiJcXF8vIiwicmVjaXBpZW50IjoicmVjaXBAZXhhbXBsZS5jb20ifQ==\r\n',
    );
  });

  test('sorts its keys, keeps unset metadata as null and folds at 75 columns', () => {
    const header = supplementalHeader(
      ['a@x.test', 'b@x.test'],
      { tenant: 'acme', zone: 1 },
      {
        headerName: 'X-Ref',
        includeMetaNames: ['zone', 'tenant', 'absent'],
      },
    );
    const lines = header.trimEnd().split('\r\n\t');
    expect(lines.length).toBeGreaterThan(1);
    expect(lines[0]).toHaveLength('X-Ref: '.length + 75);
    const json = Buffer.from(lines.join('').slice('X-Ref: '.length), 'base64').toString();
    expect(json).toBe(
      '{"_@_":"\\\\_/","absent":null,"recipient":["a@x.test","b@x.test"],"tenant":"acme","zone":1}',
    );
  });

  test('goes on top of the message and can be read back', () => {
    const meta = { tenant: 'acme', x_rate: jsonFloat(2), extra: { n: [{ z: 1, a: 2 }], b: null } };
    const message = new Message({
      id: ID,
      sender: parseEnvelopeAddress(''),
      recipients: [parseEnvelopeAddress('a@x.test')],
      meta,
      data: Buffer.from('Subject: s\r\n\r\nx\r\n'),
    });
    applySupplementalHeader(message, {
      headerName: 'X-KumoRef',
      includeMetaNames: Object.keys(meta),
    });
    const text = Buffer.from(message.data).toString();
    expect(text).toMatch(/^X-KumoRef: [\s\S]+\r\nSubject: s\r\n\r\nx\r\n$/);
    const value = text.slice('X-KumoRef: '.length, text.indexOf('\r\nSubject'));
    expect(readSupplementalTrace(value)).toEqual({ recipient: 'a@x.test', ...meta });
    expect(Buffer.from(value.replace(/\s/g, ''), 'base64').toString()).toBe(
      '{"_@_":"\\\\_/","extra":{"b":null,"n":[{"a":2,"z":1}]},"recipient":"a@x.test","tenant":"acme","x_rate":2.0}',
    );
  });
});

test.each([
  '',
  'not base64!',
  Buffer.from('[1]').toString('base64'),
  Buffer.from('{"a":1}').toString('base64'),
])('readSupplementalTrace() takes %j for none', (value) => {
  expect(readSupplementalTrace(value)).toBeUndefined();
});
