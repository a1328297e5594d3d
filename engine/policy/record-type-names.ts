/**
 * The record kinds that log settings may name, in KumoMTA's order (an error text lists them). `Any`
 * exists only here: it stands for the kinds that are not named. The kinds themselves are
 * `log/record.ts`'s; a policy may not import that folder's values.
 */
export const RECORD_TYPE_NAMES = [
  'Reception',
  'Delivery',
  'Bounce',
  'TransientFailure',
  'Expiration',
  'AdminBounce',
  'OOB',
  'Feedback',
  'Rejection',
  'AdminRebind',
  'DeferredInjectionRebind',
  'Delayed',
  'XferOut',
  'XferIn',
  'Any',
] as const;
