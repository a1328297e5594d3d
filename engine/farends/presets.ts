/** Scenarios to begin with: what the window's menu and `postyard far-end add --preset` offer. */

interface Preset {
  readonly name: string;
  /** What it is good for, in a few words. */
  readonly what: string;
  /** Everything but the name, as `far-ends.json` has it. */
  readonly spec: Readonly<Record<string, unknown>>;
}

export const PRESETS: readonly Preset[] = [
  { name: 'accept', what: 'Takes everything', spec: {} },
  {
    name: 'greylist',
    what: 'Defers each new triplet for five minutes',
    spec: { rules: [{ do: 'greylist', at: 'rcpt', delay: '5m' }] },
  },
  {
    name: 'flaky',
    what: 'Fails twice for each recipient, then accepts',
    spec: { rules: [{ do: 'fail-first', at: 'rcpt', count: 2 }] },
  },
  {
    name: 'rate-limited',
    what: '421 above three messages a minute',
    spec: {
      rules: [{ do: 'rate-limit', at: 'mail', max: 3, window: '1m', like: 'google/rate' }],
    },
  },
  {
    name: 'mailbox-full',
    what: 'over.quota* is full, everybody else is not',
    spec: { rules: [{ do: 'reject', at: 'rcpt', to: 'over.quota*', like: 'google/over-quota' }] },
  },
  {
    name: 'no-such-user',
    what: '550 for every recipient',
    spec: { rules: [{ do: 'reject', at: 'rcpt', like: 'postfix/unknown-user' }] },
  },
  {
    name: 'blocked',
    what: 'Refuses the connection with a reason',
    spec: { rules: [{ do: 'reject', at: 'connect', like: 'yahoo/refused' }] },
  },
  {
    name: 'drops-at-data',
    what: 'Disconnects after 8 KB, two times of three',
    spec: {
      seed: 7,
      rules: [{ do: 'disconnect', at: 'content', afterBytes: 8192, chance: 0.67 }],
    },
  },
  {
    name: 'slow',
    what: 'Two seconds before each answer, byte by byte',
    spec: {
      rules: [
        { do: 'slow', at: 'mail', wait: '2s' },
        { do: 'slow', at: 'rcpt', wait: '2s' },
        { do: 'drip', at: 'dot', interval: '50ms' },
      ],
    },
  },
  {
    name: 'silent',
    what: 'Hangs after the final dot',
    spec: { rules: [{ do: 'hang', at: 'dot' }] },
  },
  {
    name: 'expired-tls',
    what: 'Shows an expired certificate',
    spec: { tls: 'expired' },
  },
  {
    name: 'old-server',
    what: 'Offers no extension at all',
    spec: { without: ['PIPELINING', '8BITMIME', 'SMTPUTF8', 'SIZE', 'ENHANCEDSTATUSCODES'] },
  },
];
