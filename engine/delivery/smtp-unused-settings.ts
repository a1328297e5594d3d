/**
 * Settings of a path or source that mean something in production and are not acted upon here. The
 * Journey says so, since a delivery that worked here may depend on them there.
 */
import type { SmtpSessionSettings } from './deliverer.ts';

export function unusedSettings(settings: SmtpSessionSettings): string[] {
  const { path, source, mxList } = settings;
  const notes: string[] = [];
  const destination = settings.routingDomain ?? settings.domain;
  if (path.enableMtaSts && mxList.length === 0 && !destination.startsWith('[')) {
    notes.push(`MTA-STS: the policy of ${destination} is not looked up here`);
  }
  if (path.enableDane) notes.push('DANE: TLSA records are not looked up here');
  const proxy = source.socks5ProxyServer ?? source.haProxyServer;
  if (proxy !== null) {
    notes.push(`the proxy ${proxy} of source ${source.name} is not used here: connected directly`);
  }
  return notes;
}
