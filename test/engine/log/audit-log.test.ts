import { mkdtempSync, readFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { SystemClock } from '../../../engine/base/clock.ts';
import { AuditLog } from '../../../engine/log/audit-log.ts';

const AUTH = {
  peerAddress: '127.0.0.1',
  identities: [{ identity: 'me', context: 'HttpBasicAuth' }],
  groups: ['g'],
};
const DECISION = {
  resource: 'http_listener/x/api/inject/v1',
  privilege: 'POST',
  matchingResource: 'http_listener/*/api/inject',
  rule: null,
  auth: AUTH,
  considered: ['a', 'b'],
};

test('what is wanted is written to segments of their own', async () => {
  const logDir = join(mkdtempSync(join(tmpdir(), 'acct-')), 'acct');
  const clock = new SystemClock();
  const log = new AuditLog(clock, clock, (text) => expect.unreachable(text));
  log.authorization({ ...DECISION, access: 'Allow' });
  log.configure({
    logDir,
    maxFileSize: 1e9,
    maxSegmentDurationMs: null,
    compressionLevel: 0,
    logAuthzAllow: true,
    logAuthzDeny: false,
    logAuthnOk: true,
    logAuthnFail: true,
  });
  log.authorization({ ...DECISION, access: 'Allow' });
  log.authorization({ ...DECISION, access: 'Deny' });
  log.authentication({ identity: 'me', context: 'HttpBasicAuth', isSuccess: false, auth: AUTH });
  await log.close();
  const [file = '', ...more] = readdirSync(logDir);
  expect(more).toEqual([]);
  expect(file).toMatch(/^acct-\d{8}-\d{6}(\.\d+)?$/);
  const lines = zstdDecompressSync(readFileSync(join(logDir, file)))
    .toString()
    .trim()
    .split('\n');
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    {
      type: 'Authorization',
      timestamp: expect.stringMatching(/Z$/) as string,
      target_resource: 'http_listener/x/api/inject/v1',
      privilege: 'POST',
      access: 'Allow',
      matching_resource: 'http_listener/*/api/inject',
      rule: null,
      auth_info: { peer_address: '127.0.0.1', identities: AUTH.identities, groups: ['g'] },
      considered_resources: ['a', 'b'],
    },
    expect.objectContaining({
      type: 'Authentication',
      attempted_identity: { identity: 'me', context: 'HttpBasicAuth' },
      success: false,
    }),
  ]);
});
