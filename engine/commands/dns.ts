/** `postyard dns`: what the engine's resolver says about a name, and who answered. */
import { RECORD_TYPES } from '../dns/records.ts';
import type { RecordType } from '../dns/records.ts';
import type { DnsAnswer, DnsZones } from '../api/protocol.ts';
import { UsageError, readArguments } from './command.ts';
import type { Command } from './command.ts';
import { EngineClient } from './engine-client.ts';

export const dns: Command = {
  name: 'dns',
  summary: 'Look a name up as a delivery would, or list the zones',
  usage: `dns [NAME [${RECORD_TYPES.join('|')}]] [--json] [--workspace DIR]`,
  async run(args) {
    const { values, positionals } = readArguments(args, {
      workspace: { type: 'string' },
      json: { type: 'boolean' },
    });
    const [name, given = 'MX', ...rest] = positionals;
    if (rest.length > 0) throw new UsageError(`found "${rest.join(' ')}" after ${given}`);
    const type = given.toUpperCase();
    if (!RECORD_TYPES.includes(type as RecordType)) {
      throw new UsageError(`found the type ${given}, expected one of ${RECORD_TYPES.join(', ')}`);
    }
    const engine = EngineClient.find(values.workspace);
    if (engine === null) return 3;
    if (name === undefined) {
      const zones = await engine.get<DnsZones>('/dns/zones');
      print(values.json === true ? JSON.stringify(zones, null, 2) : zonesText(zones));
      return zones.problems.length > 0 ? 1 : 0;
    }
    const answer = await engine.get<DnsAnswer>(
      `/dns?${new URLSearchParams({ name, type }).toString()}`,
    );
    print(values.json === true ? JSON.stringify(answer, null, 2) : answerText(answer));
    return answer.records.length > 0 ? 0 : 1;
  },
};

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function answerText({
  name,
  type,
  status,
  answeredBy,
  records,
  asked,
  problem,
}: DnsAnswer): string {
  return [
    `${name} ${type}  ${status}, answered by ${answeredBy}`,
    ...records.map(
      (record) =>
        `  ${record.name}  ${record.ttlSeconds}  ${record.type}  ${record.preference === null ? '' : `${record.preference} `}${record.value}`,
    ),
    ...(problem === null ? [] : [`  ${problem}`]),
    ...asked.map(({ place, said }) => `  asked ${place}: ${said}`),
  ].join('\n');
}

function zonesText({ isReplaced, zones, problems }: DnsZones): string {
  return [
    ...(isReplaced
      ? ['The policy configured test zones: names outside all zones do not exist']
      : []),
    ...(zones.length === 0 ? ['No zones; write one as zones/NAME.zone'] : []),
    ...zones.map(
      ({ label, origins, recordCount }) =>
        `${label}  ${origins.join(' ')}  ${recordCount} ${recordCount === 1 ? 'record' : 'records'}`,
    ),
    ...problems.map(({ message }) => `bad  ${message}`),
  ].join('\n');
}
