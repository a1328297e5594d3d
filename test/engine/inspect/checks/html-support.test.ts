import { expect, test } from 'vitest';
import { featureTable } from '../../../../engine/inspect/checks/feature-table.ts';
import { sheetMarks, styleMarks } from '../../../../engine/inspect/checks/css-marks.ts';
import { htmlSupport } from '../../../../engine/inspect/checks/html-support.ts';

function marks(read: typeof sheetMarks, css: string): Set<string> {
  const found = new Set<string>();
  read(css, (mark) => found.add(mark));
  return found;
}

test('every feature of the data is recognised by something', () => {
  const { features, byMark, clients } = featureTable();
  const known = new Set(byMark.values());
  const without = Object.keys(features).filter((slug) => !known.has(slug));
  // What no mark can tell: the doctype, comments, chains and plain names of selectors, HDR pictures.
  expect(without.sort()).toEqual([
    'css-comments',
    'css-selector-chaining',
    'css-selector-type',
    'html-comments',
    'html-doctype',
    'image-hdr',
  ]);
  for (const [title, letters] of Object.values(features)) {
    expect(letters, title).toMatch(/^[yanu]+$/);
    expect(letters.length, title).toBe(clients.length);
  }
});

test('sheetMarks() reads rules, conditions, selectors and nesting', () => {
  const css = `@import url("a;b.css"); /* p > q { } */
    @media screen and (min-width: 600px) and (prefers-color-scheme:dark) { a:hover, #x > .y::before { color: red } }
    @keyframes z { from { opacity: 0 } 50% { top: 1vh } }
    p { margin-inline: calc(1em + 2%) !important; & b { --own: 1 } } [href^="}"] + * {}`;
  const found = marks(sheetMarks, css);
  for (const mark of [
    ...['@import', '@media', '@media width', '@media prefers-color-scheme', '@keyframes'],
    ...[':hover', '#id', '.class', '::before', 'a>b', 'a,b', 'a+b', '*', '[selector]', '&nesting'],
    ...['opacity', 'top', '1vh', 'margin-inline', 'calc()', '1em', '1%', '!important'],
    '--variable',
  ])
    expect(found, mark).toContain(mark);
  expect(found).not.toContain('a~b');
});

test('styleMarks() reads values, without what quotes and url() hold', () => {
  const found = marks(
    styleMarks,
    `display: FLEX; background: url("1vw;x") rgba(0,0,0,.5) 10PX; font-family: system-ui, "ui-serif"; -webkit-filter: x; color: #1em`,
  );
  expect([...found].sort()).toEqual(
    [
      ...['1px', 'background', 'background:', 'color', 'color:#1em', 'display', 'display:flex'],
      ...['font-family', 'font-family:system-ui,', 'rgba()', 'system-ui', '-webkit-filter:x'],
    ].sort(),
  );
});

test('htmlSupport() names clients, worst feature first, and stays quick on hostile input', () => {
  const { findings, clients, updated } = htmlSupport(
    '<style>.a{display:grid}</style><video src=x></video><p style="color:red">x</p><img src="a.webp?x=1">',
  );
  expect(updated).toMatch(/^20\d\d-\d\d-\d\d$/);
  const grid = findings.find(({ slug }) => slug === 'css-display-grid');
  expect(grid).toMatchObject({ title: 'display:grid', count: 1, shown: 'display:grid' });
  expect(grid?.unsupported).toContain('Outlook Windows');
  expect(findings.map(({ slug }) => slug)).toContain('html-video');
  expect(findings.map(({ slug }) => slug)).toContain('image-webp');
  expect(findings.map(({ slug }) => slug)).not.toContain('html-p');
  const weights = findings.map((each) => each.unsupported.length * 2 + each.partly.length);
  expect(weights).toEqual(weights.toSorted((a, b) => b - a));
  expect(clients.length).toBeGreaterThan(20);
  const hostile = `<style>${'a{'.repeat(100_000)}${'('.repeat(100_000)}</style>`;
  expect(htmlSupport(hostile).featureCount).toBeLessThan(5);
});
