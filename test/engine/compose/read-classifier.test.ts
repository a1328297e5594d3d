import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readClassifier } from '../../../engine/compose/read-classifier.ts';

const folder = mkdtempSync(join(tmpdir(), 'postyard-classifier-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const IANA = '/opt/kumomta/share/bounce_classifier/iana.toml';

test.each([
  ['550 5.1.1 no such user', 'InvalidRecipient'],
  ['550 5.1.10 null MX', 'BadDomain'],
  ['550 5.1.8 bad sender', 'InvalidSender'],
  ['452 4.2.2 over quota', 'QuotaIssues'],
  ['552 5.3.4 too big', 'ContentRelated'],
  ['451 4.4.3 name server said nothing', 'DNSFailure'],
  ['551 5.4.7 expired', 'MessageExpired'],
  ['535 5.7.8 wrong password', 'AuthenticationFailed'],
  ['550 5.7.1 refused', 'PolicyRelated'],
  ['550 no code', 'Uncategorized'],
])('the classes that come with the engine: %s is %s', (reply, name) => {
  const classifier = readClassifier([IANA], (file) => join(folder, file));
  expect(classifier.classify('Bounce', reply)).toBe(name);
});

test("the workspace's own file goes first", () => {
  const own = join(folder, 'own.toml');
  writeFileSync(own, "[rules]\nOurs = ['^550']\n");
  const classifier = readClassifier([IANA], () => own);
  expect(classifier.classify('Bounce', '550 5.1.1 no such user')).toBe('Ours');
});

test('a file that is nowhere is named', () => {
  const load = (): unknown => readClassifier(['/etc/none.toml'], (file) => join(folder, file));
  expect(load).toThrow(`reading file: ${folder}/etc/none.toml: No such file or directory`);
});
