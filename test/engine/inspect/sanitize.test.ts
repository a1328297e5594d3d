import { expect, test } from 'vitest';
import { cleanCss } from '../../../engine/inspect/css.ts';
import { RemoteContent, remoteHost } from '../../../engine/inspect/remote-content.ts';
import { sanitizeMailHtml } from '../../../engine/inspect/sanitize.ts';

function clean(html: string, allowedHosts: readonly string[] | null = null): string {
  const remote = new RemoteContent(allowedHosts);
  return sanitizeMailHtml(html, {
    remote,
    resolveCid: (cid) => (cid === 'a b' ? 'data:image/png;base64,AA==' : null),
  });
}

function hostsOf(html: string): string {
  const remote = new RemoteContent(null);
  sanitizeMailHtml(html, { remote, resolveCid: () => null });
  return remote
    .hosts()
    .map(({ host, count }) => `${host} ${count}`)
    .join(', ');
}

test.each([
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '<svg onload=alert(1)><script>alert(1)</script></svg>',
  '<a href="javascript:alert(1)">x</a>',
  '<a href="jav&#x09;ascript:alert(1)">x</a>',
  '<a href=" &#1; javascript:alert(1)">x</a>',
  '<a href="data:text/html,<script>alert(1)</script>">x</a>',
  '<iframe src="javascript:alert(1)"></iframe>',
  '<object data="javascript:alert(1)"></object><embed src="javascript:alert(1)">',
  '<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>',
  '<style></style><img src=x onerror=alert(1)></style>',
  '<style>a{}</sty</stylele><img src=x onerror=alert(1)>',
  '<noscript><p title="</noscript><img src=x onerror=alert(1)>"></noscript>',
  '<meta http-equiv=refresh content="0;url=javascript:alert(1)"><base href="javascript:alert(1)//">',
  '<form action="javascript:alert(1)"><input type=submit formaction="javascript:alert(1)"></form>',
  '<body onload=alert(1)><p onclick="alert(1)">x</p></body>',
  '<p style="background:url(javascript:alert(1))">x</p>',
  '<img src="data:text/html,<script>alert(1)</script>">',
  '<template><img src=x onerror=alert(1)></template>',
  '<<script>script>alert(1)<</script>/script>',
])('nothing of %j can run', (html) => {
  const result = clean(html);
  expect(result).not.toMatch(/<script|<iframe|<object|<embed|<svg|<math|<form|<input|<meta|<base/i);
  expect(result).not.toMatch(/<[^>]+\son\w+\s*=/i);
  expect(result.replace(/&lt;[^]*/g, '')).not.toMatch(/(href|src|style)="[^"]*javascript:/i);
  expect(result).not.toMatch(/data:text/i);
});

test('what mail is made of stays', () => {
  const html =
    '<html><head><title>t</title><style>.a{color:red}</style></head>' +
    '<body bgcolor="#eee" style="margin:0"><table width="600" cellpadding="0"><tr><td class="a" align=center>' +
    '<font color=red size=2>x</font></td></tr></table><a href="https://x.test/?a=1&amp;b">go</a>' +
    '<img src="cid:a%20b" width=1 alt=""></body></html>';
  expect(clean(html)).toBe(
    '<style>.a{color:red}</style>' +
      '<div bgcolor="#eee" style="margin:0"><table width="600" cellpadding="0"><tr><td class="a" align="center">' +
      '<font color="red" size="2">x</font></td></tr></table>' +
      '<a href="https://x.test/?a=1&amp;b" target="_blank" rel="noopener noreferrer nofollow">go</a>' +
      '<img src="data:image/png;base64,AA==" width="1" alt="" /></div>',
  );
});

test('remote content is taken out and counted by host, wherever it is named', () => {
  const html =
    '<img src="http://a.test/1"><img srcset="https://b.test/1 1x, https://b.test/2 2x">' +
    '<td background="//c.test/x"></td><p style="background:url( \'https://d.test/x\' )"></p>' +
    '<style>@import "https://e.test/x.css"; p{background:URL(https://e.test/y)}</style>' +
    '<link rel=stylesheet href=https://f.test/x><iframe src=https://g.test/></iframe>' +
    '<video poster="https://h.test/p"><source src="https://h.test/v"></video>' +
    '<img src="data:image/gif;base64,AA=="><a href="https://link.test/">x</a>' +
    '<style>p{background:u\\72l(https://i.test/y)}</style><img src="HTTP:\\\\j.test/x">';
  expect(hostsOf(html)).toBe(
    'b.test 2, e.test 2, h.test 2, a.test 1, c.test 1, d.test 1, f.test 1, g.test 1, i.test 1, j.test 1',
  );
  const closed = clean(html);
  expect(closed.replace('https://link.test/', '')).not.toMatch(/[a-j]\.test/);
  expect(closed).toContain('data:image/gif;base64,AA==');
});

test('open hosts and loopback load when they are allowed to', () => {
  const html =
    '<img src="http://a.test/1"><img src="http://127.0.0.1:8080/2"><img src="http://b.test/3">' +
    '<p style="background:url(http://a.test/4)"></p>';
  const open = clean(html, ['a.test']);
  expect(open).toContain('http://a.test/1');
  expect(open).toContain('http://127.0.0.1:8080/2');
  expect(open).toContain('url(&quot;http://a.test/4&quot;)');
  expect(open).not.toContain('b.test');
  expect(clean(html, null)).not.toContain('127.0.0.1');
});

test('cleanCss() keeps everything that loads nothing', () => {
  const keep = '@media (max-width:600px){.a>b::before{content:"\\201C";color:#fff}}';
  expect(cleanCss(keep, () => null)).toBe(keep);
  expect(cleanCss('a{b:url(x.png)}/* url(y) */@import url("z") screen;', () => null)).toBe(
    'a{b:none}',
  );
  expect(cleanCss('a{b:url(x)}</style><script>', (url) => `${url}"`)).toBe(
    'a{b:url("x%22")}\\3c /style>\\3c script>',
  );
});

test('cleanCss() resolves every way to write a URL', () => {
  const seen: string[] = [];
  const css = `a{b:url(x)}c{d:URL( "y z" )}e{f:url('w')}@IMPORT url( q ) print;@import 'r';g{h:url(open`;
  const clean = cleanCss(css, (url) => {
    seen.push(url);
    return url === 'y z' ? 'ok' : null;
  });
  expect(seen.sort()).toEqual(['open', 'q', 'r', 'w', 'x', 'y z']);
  expect(clean).toBe('a{b:none}c{d:url("ok")}e{f:none}g{h:none');
});

test('remoteHost() reads URLs as browsers do', () => {
  expect(
    ['http://A.test/x', ' https://a.test', '//a.test/', 'ht\ntp://a.test', '\\\\a.test\\x'].map(
      remoteHost,
    ),
  ).toEqual(['a.test', 'a.test', 'a.test', 'a.test', 'a.test']);
  expect(
    ['x.png', '/x', 'cid:x', 'data:image/png;base64,', 'mailto:a@b', 'http://'].map(remoteHost),
  ).toEqual([...[null, null, null, null, null, null]]);
});
