/**
 * The messages between engine and window: types only, imported by both sides. Routes live under
 * `/api/v1`; each has a file in `api/routes/` named after its URL. Lists use opaque cursors, never
 * offsets, and never carry bodies. Times are epoch milliseconds on the mail clock unless they say
 * real.
 *
 * The types of a feature are in its file of `protocol/`; this one is the door for both sides.
 *
 * Source: `docs/architecture.md`; `docs/reference/api/`.
 */
export type * from './protocol/attempts.ts';
export type * from './protocol/checks.ts';
export type * from './protocol/clock.ts';
export type * from './protocol/dns.ts';
export type * from './protocol/expectations.ts';
export type * from './protocol/explain.ts';
export type * from './protocol/far-ends.ts';
export type * from './protocol/journey.ts';
export type * from './protocol/links.ts';
export type * from './protocol/live.ts';
export type * from './protocol/maildirs.ts';
export type * from './protocol/messages.ts';
export type * from './protocol/policy.ts';
export type * from './protocol/queue-actions.ts';
export type * from './protocol/queues.ts';
export type * from './protocol/records.ts';
export type * from './protocol/release.ts';
export type * from './protocol/replay.ts';
export type * from './protocol/routes.ts';
export type * from './protocol/rows.ts';
export type * from './protocol/send-test.ts';
export type * from './protocol/settings.ts';
export type * from './protocol/share.ts';
export type * from './protocol/status.ts';
export type * from './protocol/suppression.ts';

/** Every error answer. `message` says what was found and what was wanted. */
export interface ApiError {
  readonly error: { readonly code: string; readonly message: string };
}
