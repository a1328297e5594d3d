/** What `postyard.json` says about receiving, as sessions ask it. */
import { ORDINARY_MODE } from '../reception/mode.ts';
import type { ReceptionMode } from '../reception/mode.ts';
import type { Settings } from '../workspace/settings.ts';

/** Sessions look at it each time, so that a setting takes effect at once. */
export function receptionMode(settings: () => Settings): ReceptionMode {
  return {
    ...ORDINARY_MODE,
    get offerOwnCertificate() {
      return settings().offerStartTls;
    },
    get offerFriendlyAuth() {
      return settings().acceptAnyAuth;
    },
    get acceptAnyLogin() {
      return settings().acceptAnyAuth;
    },
  };
}
