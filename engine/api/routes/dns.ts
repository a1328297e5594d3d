/** `/dns`, `/dns/zones`: what the engine's resolver answers, and from which place. */
import { z } from 'zod';
import { RECORD_TYPES } from '../../dns/records.ts';
import { route } from '../route.ts';
import type { Route } from '../route.ts';

const NAME_MAX = 300;

export const dnsRoutes: readonly Route[] = [
  route({
    method: 'GET',
    url: '/dns',
    summary: 'Looks a name up as a delivery would: records, who answered, who else was asked',
    query: z.strictObject({
      name: z.string().min(1).max(NAME_MAX),
      type: z.enum(RECORD_TYPES).default('MX'),
    }),
    answer: 'DnsAnswer',
    run: ({ query }, { doors }) => doors.dns.ask(query.name, query.type),
  }),
  route({
    method: 'GET',
    url: '/dns/zones',
    summary: 'The zones of the policy and of the workspace, and what is wrong with them',
    answer: 'DnsZones',
    run: (_input, { doors }) => Promise.resolve(doors.dns.zones()),
  }),
];
