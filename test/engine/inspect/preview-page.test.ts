import { expect, test } from 'vitest';
import { previewPage } from '../../../engine/inspect/preview-page.ts';

const html =
  '<style>@media screen and (prefers-color-scheme: DARK){p{color:red}}</style>' +
  '<source media="( prefers-color-scheme:light )"><p>(prefers-color-scheme: dark)</p>';

test('previewPage() answers a mail that asks for dark mode by the theme it is shown in', () => {
  const shown = { html, isCut: false, remoteContent: [], isText: false };
  const light = previewPage(shown, 'light');
  expect(light).toContain('@media screen and (max-width: 0px){');
  expect(light).toContain('media="(min-width: 0px)"');
  expect(light).toContain('<p>(prefers-color-scheme: dark)</p>');
  const dark = previewPage(shown, 'dark');
  expect(dark).toContain('@media screen and (min-width: 0px){');
  expect(dark).toContain('media="(max-width: 0px)"');
});
