/**
 * The page in the preview frame. Everything is inside: no script, no link out but those of the mail.
 */
import type { HtmlView } from './inspect-message.ts';

export function previewPage(view: HtmlView, theme: 'light' | 'dark'): string {
  // Mail is written for white paper; only what has no colours of its own takes the theme's.
  const isDark = theme === 'dark';
  const [ink, paper] = isDark ? ['#e6e6e6', '#1b1d1f'] : ['#1a1a1a', '#ffffff'];
  return [
    '<!doctype html><html><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<style>:root{color-scheme:${theme}}`,
    `body{margin:12px;color:${ink};background:${paper};font:14px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}`,
    'img{max-width:100%}.postyard-text{white-space:pre-wrap;font:13px/1.5 ui-monospace,monospace;margin:0}',
    '</style></head><body>',
    withTheme(view.html, theme),
    '</body></html>',
  ].join('\n');
}

const ASKING = /(<style[^>]*>)([\s\S]*?)(<\/style>)|(\smedia=")([^"]*)(")/gi;
const SCHEME = /\(\s*prefers-color-scheme\s*:\s*(light|dark)\s*\)/gi;

/** What a mail does for dark mode depends on the theme it is shown in, not on the window's. */
function withTheme(html: string, theme: 'light' | 'dark'): string {
  return html.replace(ASKING, (...groups: (string | undefined)[]) => {
    const [, ...parts] = groups.slice(0, 7);
    return parts
      .map((part) => part?.replace(SCHEME, (_, asked: string) => answer(asked, theme)) ?? '')
      .join('');
  });
}

/** A condition that always, or never, holds. */
function answer(asked: string, theme: 'light' | 'dark'): string {
  return asked.toLowerCase() === theme ? '(min-width: 0px)' : '(max-width: 0px)';
}
