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
    view.html,
    '</body></html>',
  ].join('\n');
}
