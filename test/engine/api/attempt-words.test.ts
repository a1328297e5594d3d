import { describe, expect, test } from 'vitest';
import { attemptSteps } from '../../../engine/api/attempt-words.ts';
import type { JsonObject } from '../../../engine/mail/json.ts';

const said = (details: JsonObject): string[] =>
  attemptSteps({ details }).map(({ text, source }) =>
    source ? `${text} [${source.label}]` : text,
  );

describe('attemptSteps()', () => {
  test('says what an SMTP attempt did, in order, with the zone that answered', () => {
    expect(
      said({
        plan: [{ name: 'mx.corp.test.', ip: '127.0.0.1', port: 2525, portFrom: 'smtp_port' }],
        lookups: [
          'MX of corp.test.: zones/corp.zone',
          'mx.corp.test.: 127.0.0.1 (zones/corp.zone)',
        ],
        host: { name: 'mx.corp.test.', ip: '127.0.0.1', port: 2525, portFrom: 'smtp_port' },
        transactionOnConnection: 3,
        tls: { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' },
        failedBefore: ['connect to 127.0.0.2:2525: refused'],
        notes: ['DANE: TLSA records are not looked up here'],
        arithmetic: '20 m × 2⁰',
      }),
    ).toEqual([
      'Looked up MX of corp.test.: zones/corp.zone [zones/corp.zone]',
      'Looked up mx.corp.test.: 127.0.0.1 (zones/corp.zone) [zones/corp.zone]',
      'Tried before: connect to 127.0.0.2:2525: refused',
      'Connected to mx.corp.test. (127.0.0.1), port 2525: port by smtp_port of the path',
      'Transaction 3 on a connection that was open already',
      'Encrypted with TLSv1.3, TLS_AES_256_GCM_SHA384',
      'DANE: TLSA records are not looked up here',
    ]);
  });

  test('says nothing of what did not happen, and has words for every key', () => {
    expect(said({ host: null, tls: null, transactionOnConnection: 1, failedBefore: [] })).toEqual(
      [],
    );
    expect(said({ constructor: 'make.webhook', somethingNew: { deepValue: [1, 'a'] } })).toEqual([
      'By the Lua constructor make.webhook',
      'something new, deep value: [1,"a"]',
    ]);
  });
});
