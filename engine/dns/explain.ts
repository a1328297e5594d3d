/**
 * A lookup told step by step: which places were asked in which order, what each said, and who
 * answered. For people; deliveries ask `local-resolver.ts`.
 */
import { toError } from '../base/assert.ts';
import type { Answer, RecordSource, RecordType, ResourceRecord } from './records.ts';
import { DnsError } from './resolver.ts';

/** A place names may be known, in the words shown. */
export interface LookupPlace {
  readonly place: string;
  readonly origin: 'test zone' | 'zone' | 'hosts file' | 'system';
  readonly source: RecordSource;
}

export interface ExplainedLookup {
  readonly name: string;
  readonly type: RecordType;
  readonly status: Answer['status'] | DnsError['code'];
  readonly origin: LookupPlace['origin'] | 'none';
  readonly answeredBy: string;
  readonly isSecure: boolean;
  readonly records: readonly ResourceRecord[];
  readonly asked: readonly { readonly place: string; readonly said: string }[];
  readonly problem: string | null;
}

/** @param name lower case with trailing dot */
export async function explainLookup(
  places: readonly LookupPlace[],
  name: string,
  type: RecordType,
): Promise<ExplainedLookup> {
  const first = await askPlaces(places, name, type);
  const [alias] = first.records;
  if (alias?.type !== 'CNAME' || type === 'CNAME') return first;
  const target = await askPlaces(places, alias.value, type);
  return {
    ...target,
    name,
    answeredBy: [...new Set([first.answeredBy, target.answeredBy])].join(', '),
    isSecure: first.isSecure && target.isSecure,
    records: [...first.records, ...target.records],
    asked: [...first.asked, ...target.asked],
  };
}

async function askPlaces(
  places: readonly LookupPlace[],
  name: string,
  type: RecordType,
): Promise<ExplainedLookup> {
  const asked: { place: string; said: string }[] = [];
  const base = { name, type, isSecure: false, records: [], asked };
  for (const { place, origin, source } of places) {
    try {
      const answer = await source.query(name, type);
      if (answer === null) {
        asked.push({ place, said: `knows nothing about ${name}` });
        continue;
      }
      asked.push({ place, said: saidOf(answer, type) });
      return { ...base, ...answer, origin, problem: problemOf(answer, type) };
    } catch (thrown) {
      const problem = toError(thrown).message;
      asked.push({ place, said: problem });
      const status = thrown instanceof DnsError ? thrown.code : 'SERVFAIL';
      return { ...base, status, origin, answeredBy: place, problem };
    }
  }
  const problem = `No place knows ${name}; in a zone of the workspace it could be given ${type} records`;
  return { ...base, status: 'NXDOMAIN', origin: 'none', answeredBy: 'nobody', problem };
}

function saidOf({ status, records, answeredBy }: Answer, type: RecordType): string {
  if (status === 'NXDOMAIN') return `${answeredBy}: no such name`;
  if (records.length === 0) return `${answeredBy}: the name has no ${type} record`;
  const [first] = records;
  if (first?.type === 'CNAME' && type !== 'CNAME')
    return `${answeredBy}: an alias of ${first.value}`;
  return `${answeredBy}: ${records.length} ${records.length === 1 ? 'record' : 'records'}`;
}

function problemOf({ status, records, answeredBy }: Answer, type: RecordType): string | null {
  if (status === 'NXDOMAIN') return `${answeredBy} says that there is no such name`;
  return records.length > 0 ? null : `${answeredBy} has no ${type} record of that name`;
}
