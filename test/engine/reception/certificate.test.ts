import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Clock } from '../../../engine/base/clock.ts';
import { CertificateFolder } from '../../../engine/reception/certificate.ts';

const DAY_MS = 24 * 3600 * 1000;
let folder: string;
let now: number;
const clock = { now: () => now } as Clock;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'certificates-'));
  now = Date.UTC(2030, 0, 1);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('CertificateFolder', () => {
  test('makes one certificate per name, for its owner alone, and finds it again', async () => {
    const certificates = new CertificateFolder(folder, clock);
    const [first, same] = await Promise.all([
      certificates.get('mx.golden.test'),
      certificates.get('mx.golden.test'),
    ]);
    expect(same).toBe(first);
    const x509 = new X509Certificate(first.cert);
    expect(x509.checkHost('mx.golden.test')).toBe('mx.golden.test');
    expect(x509.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(readdirSync(folder)).toEqual(['mx.golden.test.pem']);
    expect(statSync(join(folder, 'mx.golden.test.pem')).mode & 0o777).toBe(0o600);
    expect((await new CertificateFolder(folder, clock).get('mx.golden.test')).cert).toBe(
      first.cert.trim(),
    );
  });

  test('replaces one that runs out or cannot be read', async () => {
    const certificates = new CertificateFolder(folder, clock);
    const first = await certificates.get('a.test');
    now += 820 * DAY_MS;
    const second = await certificates.get('a.test');
    expect(second.cert).not.toBe(first.cert);
    writeFileSync(join(folder, 'a.test.pem'), 'not a certificate');
    const third = await new CertificateFolder(folder, clock).get('a.test');
    expect(third.cert).toContain('BEGIN CERTIFICATE');
  });

  test('makes no file name out of a strange host name', async () => {
    await new CertificateFolder(folder, clock).get('../up/x');
    expect(readdirSync(folder)).toEqual(['.._up_x.pem']);
  });
});
