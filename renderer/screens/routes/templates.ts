/** Beginnings for a first route: each says what it is for and opens the editor with it. */
import type { RouteSpec } from '../../../engine/api/protocol.ts';

interface Template {
  readonly label: string;
  readonly hint: string;
  readonly route: RouteSpec;
}

const common = { enabled: true } as const;

export const TEMPLATES: readonly Template[] = [
  {
    label: 'One domain to a smarthost',
    hint: 'mx_list: the queue keeps its name, mail goes to the hosts you name',
    route: {
      ...common,
      name: 'to-smarthost',
      match: { domain: 'example.com' },
      to: { kind: 'mxList', hosts: ['[127.0.0.1]:2525'] },
    },
  },
  {
    label: 'One domain to a far end',
    hint: 'A simulated destination on this machine; this one defers the first attempt',
    route: {
      ...common,
      name: 'to-greylist',
      match: { domain: 'example.net' },
      to: { kind: 'farEnd', name: 'greylist' },
    },
  },
  {
    label: 'A tenant by routing domain',
    hint: 'Sets routing_domain: the queue becomes example.com!smarthost.example.net',
    route: {
      ...common,
      name: 'tenant-smarthost',
      match: { tenant: 'acme' },
      to: { kind: 'routingDomain', domain: 'smarthost.example.net' },
    },
  },
  {
    label: 'A maildir for every user',
    hint: 'Written below the workspace, shown in the side bar',
    route: {
      ...common,
      name: 'to-maildirs',
      match: { domain: '*.example.com' },
      to: { kind: 'maildir', path: 'mail/{{ domain_part }}/{{ local_part }}' },
    },
  },
  {
    label: 'Marked mail is discarded',
    hint: 'The null queue: accepted, never delivered',
    route: {
      ...common,
      name: 'discard-marked',
      match: { header: { 'X-Discard': '*' } },
      to: { kind: 'null' },
    },
  },
  {
    label: 'One recipient is refused',
    hint: 'The client hears the code and text',
    route: {
      ...common,
      name: 'refuse-one',
      match: { recipient: 'nobody@*' },
      to: { kind: 'reject', code: 550, text: '5.1.1 no such user' },
    },
  },
];
