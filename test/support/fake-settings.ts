/** Settings and DNS of the fake engine: kept in memory, refused where the real one refuses. */
import type { FastifyInstance } from 'fastify';
import type {
  DnsAnswer,
  DnsType,
  DnsZones,
  SettingChange,
  SettingsAnswer,
} from '../../engine/api/protocol.ts';

const VALUES: SettingsAnswer['values'] = {
  acceptAnyAuth: true,
  offerStartTls: false,
  captureLeaving: true,
  openHosts: [],
  allowFolders: [],
  keepBytes: 2_000_000_000,
  keepDays: 30,
  smtp: '127.0.0.1:1025',
  http: '127.0.0.1:8000',
  ui: '127.0.0.1:8025',
};

const ZONES: DnsZones = {
  isReplaced: false,
  zones: [
    {
      label: 'zones/example.zone',
      origins: ['example.test.'],
      recordCount: 6,
      isSecure: false,
      source: { label: 'zones/example.zone', file: 'zones/example.zone' },
    },
  ],
  problems: [
    {
      file: 'zones/broken.zone',
      line: 3,
      message: 'broken.zone:3: found A localhost, expected one IPv4 address',
      source: { label: 'zones/broken.zone:3', file: 'zones/broken.zone', line: 3 },
    },
  ],
};

export function serveSettings(server: FastifyInstance): void {
  let values = VALUES;
  const answer = (): SettingsAnswer => ({
    file: 'postyard.json',
    values,
    defaults: VALUES,
    environment: { keepDays: 'POSTYARD_KEEP_DAYS' },
    problem: null,
    remaps: [{ what: 'ESMTP listener', from: '0.0.0.0:25', to: '127.0.0.1:1025' }],
    kept: { usedBytes: 48_000_000, removedTransactions: 0, removedBytes: 0 },
  });
  server.get('/api/v1/settings', () => answer());
  server.post('/api/v1/settings', (request, reply) => {
    const { name, value } = request.body as SettingChange;
    if (name === 'openHosts' && JSON.stringify(value).includes('!')) {
      const message = `Cannot open host: found "${[value].flat().join(', ')}", expected a name, *.name, an address or a network`;
      return reply.code(400).send({ error: { code: 'invalid', message } });
    }
    values = { ...values, [name]: value ?? VALUES[name] };
    return answer();
  });
  server.get('/api/v1/dns/zones', () => ZONES);
  server.get('/api/v1/dns', (request) => {
    const { name = '', type = 'MX' } = request.query as { name?: string; type?: DnsType };
    return name.endsWith('.test') ? inZone(`${name}.`, type) : refused(`${name}.`, type);
  });
}

function inZone(name: string, type: DnsType): DnsAnswer {
  return {
    name,
    type,
    status: 'NOERROR',
    origin: 'zone',
    answeredBy: 'zones/example.zone',
    source: { label: 'zones/example.zone', file: 'zones/example.zone' },
    isSecure: false,
    records: [
      { name, type: 'MX', ttlSeconds: 3600, value: 'mx1.example.test.', preference: 10 },
      { name, type: 'MX', ttlSeconds: 3600, value: 'mx2.example.test.', preference: 20 },
    ],
    asked: [{ place: 'zones of the workspace', said: 'zones/example.zone: 2 records' }],
    problem: null,
  };
}

function refused(name: string, type: DnsType): DnsAnswer {
  const problem = `guard: ${name.slice(0, -1)} is not open`;
  return {
    name,
    type,
    status: 'REFUSED',
    origin: 'system',
    answeredBy: 'system DNS',
    source: null,
    isSecure: false,
    records: [],
    asked: [
      { place: 'zones of the workspace', said: `knows nothing about ${name}` },
      { place: 'this machine’s own names', said: `knows nothing about ${name}` },
      { place: 'system DNS', said: problem },
    ],
    problem,
  };
}
