/**
 * Our Jinja against minijinja itself, compiled to wasm: both must write the same text, or refuse
 * with the same words. What that build lacks (loop controls, some filters) is in `template.test.ts`.
 */
import { Environment } from 'minijinja-js';
import { expect, test } from 'vitest';
import type { JsonObject } from '../../../../engine/mail/json.ts';
import { compileTemplate } from '../../../../engine/mail/template.ts';

const CONTEXT: JsonObject = {
  a: null,
  b: true,
  c: 1.5,
  d: 3,
  s: 'hello World foo',
  t: 'it\'s <b> & "q" /x',
  l: [3, 1, 2],
  m: { b: 1, a: [1, 'x', null, true], c: { d: 'e' } },
  u: [
    { name: 'B', n: 2 },
    { name: 'a', n: 1 },
    { name: 'c', n: 2 },
  ],
  e: '',
  z: 0,
};

/** One template per line. */
const TEMPLATES = String.raw`
{{ none }} {{ a }} {{ b }} {{ c }} {{ d }}
{{ x }}[{{ m.nope }}]
{{ m }}
{{ l }} {{ m.a }} {{ m['b'] }} {{ l[0] }} {{ l[-1] }} {{ l[9] }} {{ s[1] }}
{{ m.nope.x }}
{{ nope.x }}
{{ nope['x'] }}
{{ a
{{ a b }}
{% if %}
{% if a
{% if a %}x
{% for x in l %}
{% foo %}
{{ a.1 }}
{{ "abc }}
{{ 1 + }}
{{ }}
{% endfor %}
{# comment
a{# c #}b
{{ 1 + 2 * 3 ** 2 - 4 / 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 % 3 }} {{ 2 ** 10 }} {{ 1.5 + 1 }} {{ 2 * 1.0 }}
{{ 1 / 0 }} 
{{ 1 // 0 }}
{{ "a" + 1 }}
{{ "a" ~ 1 ~ none ~ true ~ 1.0 }}
{{ "a" + "b" }} {{ "ab" * 3 }} {{ [1] + [2] }} {{ [1,2] * 2 }}
{{ 1 == 1.0 }} {{ "a" == "a" }} {{ [1] == [1] }} {{ 1 < 2 }} {{ "a" < "b" }} {{ none == none }} {{ true == 1 }} {{ x == none }}
{{ "yes" if b else "no" }} {{ "yes" if x }} {{ 1 if false else 2 if false else 3 }}
{{ s | upper }} {{ s | lower }} {{ s | title }} {{ s | capitalize }} {{ s | replace("l","L") }} {{ s | length }} {{ l | length }} {{ m | length }}
{{ s | truncate(length=8) }} {{ s | truncate(length=8, killwords=true, leeway=0) }}
{{ "  x " | trim }}| {{ "xxaxx" | trim("x") }}
{{ l | sort }} {{ l | sort(reverse=true) }} {{ l | reverse }} {{ l | join(",") }} {{ l | first }} {{ l | last }} {{ l | min }} {{ l | max }} {{ l | sum }}
{{ s | first }} {{ s | last }} {{ "abc" | reverse }} {{ "abc" | list }}
{{ u | map(attribute="name") | join("-") }} {{ u | selectattr("n","eq",2) | map(attribute="name") | list }} {{ u | rejectattr("n","eq",2) | list }}
{{ l | select("odd") | list }} {{ l | reject("odd") | list }} {{ ["a","B"] | map("upper") | list }}
{{ u | sort(attribute="name") | map(attribute="name") | list }} {{ u | groupby("n") | list }}
{% for g in u | groupby("n") %}{{ g.grouper }}:{{ g.list | length }};{% endfor %}
{{ m | dictsort }} {{ m | items }} {{ m | list }}
{{ l | batch(2) }} {{ l | batch(2, 0) }} {{ l | slice(2) }} {{ [1,1,2] | unique }}
{{ 3.7 | round }} {{ 3.14159 | round(2) }} {{ 3 | round }} {{ -3 | abs }} {{ "42" | int }} {{ "4.2" | float }} {{ 3.9 | int }} {{ "3" | int + 1 }}
{{ x | default("d") }} {{ e | default("d") }} {{ e | default("d", true) }} {{ a | default("d") }} {{ x | d(1) }}
{{ "a\nb" | indent(2) }} {{ "a\nb" | indent(2, true) }}
{{ m | tojson }} {{ "<'&>" | tojson }} {{ [1.0, none, x] | tojson }}
{{ t | e }} {{ t | escape | upper }}
{{ 1000 | filesizeformat }} {{ 1 | filesizeformat }} {{ 123456789 | filesizeformat }} {{ 1024 | filesizeformat(true) }} {{ 500 | filesizeformat }}
{{ 1 | pluralize }} {{ 2 | pluralize }} {{ 2 | pluralize("y","ies") }} {{ l | pluralize }}
{{ "<p>Hi &amp; <b>you</b></p>" | striptags }}
{{ l | nope }}
{{ l is nope }}
{{ nope() }}
{{ s.nope() }}
{{ s() }}
{{ x is defined }} {{ s is defined }} {{ a is none }} {{ 3 is odd }} {{ 4 is even }} {{ 4 is divisibleby 2 }} {{ s is string }} {{ l is sequence }} {{ m is mapping }} {{ 1 is number }} {{ s is startingwith "hel" }} {{ 1 is eq 1 }} {{ b is true }} {{ 1.0 is float }} {{ 1 is integer }} {{ b is boolean }} {{ "A" is upper }} {{ 1 is in [1] }} {{ l is iterable }}
{{ s.upper() }} {{ s.split() }} {{ s.split("o", 1) }} {{ m.keys() }} {{ m.values() }} {{ m.items() }} {{ m.get("b") }} {{ m.get("q") }} {{ s.startswith("he") }} {{ s.replace("o","0",1) }} {{ s.find("W") }} {{ "-".join(["a","b"]) }} {{ "ab".isalpha() }} {{ " a ".strip() }}| {{ s.title() }} {{ l.count(1) }} {{ "a\nb".splitlines() }}
{% for x in l %}{{ loop.index }}/{{ loop.length }}:{{ x }}{% if not loop.last %},{% endif %}{% else %}none{% endfor %}
{% for x in [] %}a{% else %}none{% endfor %}
{% for k, v in m | items %}{{ k }}={{ v }};{% endfor %}
{% for k in m %}{{ k }};{% endfor %}
{% for x in l if x > 1 %}{{ loop.index }}{{ x }}{% endfor %}
{% for x in 5 %}{% endfor %}
{% for a, b in l %}{% endfor %}
{% for x in l %}{{ loop.cycle("a","b") }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.revindex }}{{ loop.first }}{{ loop.depth }}{% endfor %}
{% for x in [[1,[2]],[3]] recursive %}{{ x }}{% endfor %}
{% set q = 5 %}{{ q }}{% for x in l %}{% set q = x %}{% endfor %}{{ q }}
{% set ns = namespace(n=0) %}{% for x in l %}{% set ns.n = ns.n + x %}{% endfor %}{{ ns.n }}
{% set v %}abc{{ d }}{% endset %}[{{ v }}]
{% set v | upper %}abc{% endset %}[{{ v }}]
{% with a = 1, b = a %}{{ a }}{{ b }}{% endwith %}
{% macro mm(a, b=2) %}<{{ a }}-{{ b }}>{% endmacro %}{{ mm(1) }}{{ mm(1, 3) }}{{ mm(b=4, a=5) }}
{% macro mm(a) %}{{ caller() }}{{ a }}{% endmacro %}{% call mm(1) %}body{% endcall %}
{% filter upper %}abc{{ s }}{% endfilter %}
{% raw %}{{ x }}{% endraw %}y
a  {{- s -}}  b {%- if true -%} c {%- endif %} d
{% autoescape true %}{{ t }}{% endautoescape %}{{ t }}
{% autoescape "html" %}{{ t | safe }}{{ t }}{% endautoescape %}
{{ range(3) }} {{ range(1, 4) }} {{ range(0, 10, 3) | list }}
{{ dict(a=1) }} {{ joiner()() }} 
{{ l[1:] }} {{ l[:2] }} {{ s[1:3] }} {{ l[:-1] }} {{ l[::2] }}
{% block x %}b{% endblock %}
{% include "foo" %}
{% include "foo" ignore missing %}z
{% extends "foo" %}
{{ {"a": 1, "b": [1, {"c": "d\n\""}]} }}
{{ (1, 2) }} {{ (1,) }} {{ () }}
{{ "\u00e9\t|" }} {{ 'it\'s' }}
{{ 1_000 }} {{ 0x1f }} {{ 1e3 }} {{ 1.5e-3 }} {{ 12345678901234567890123 }}
{{ true }} {{ True }} {{ None }}
{% do l.count(1) %}x
{{ -d }} {{ -c }} {{ -"a" }}
{{ loop }}
{{ s | replace("a") }}
{{ s | upper("x") }}
{{ m.c.d.e }} 
{{ d.e }} {{ d.e.f }}
{{ u[0].name }} {{ u.0 }}
{{ b and "t" }} {{ "" or none }}
{{ s|upper|lower|replace("w", "W") ~ "!" }}
{{ "%" }} { { }} {{'{{'}} {%%}
text { % {# c -#}   x
{{ a is not none }} {{ a is none and b }}
{{ 1 < 2 < 3 }}
{{ [1,2,3] | map("string") | list }}
{{ "x" if a is none else "y" }}
{{ l | length > 2 and s | length < 100 }}
{{ "it's a-b_c+d$e"|title }} {{ "it's".title() }}
{{ "12x"|int }}
{{ ""|int }}
{{ " 5 "|int }}
{{ "+5"|int }} {{ "5.7"|int }} {{ "inf"|float }} {{ ".5"|float }} {{ "5."|float }}
{{ "x"|float }}
{{ l|sum }} {{ [1, none]|sum }}
{{ ["p"]|sum }}
{{ m() }}
{{ m.b() }}
{{ [1]() }}
{{ "xyz".split("", 2) }} {{ "a b".split("") }}
{% for x in a %}{{ x }}{% else %}none{% endfor %}
{{ a|list }} {{ a|sort }} {{ a|min }} {{ a|reverse }} {{ nope|reverse }}
{{ d|list }}
{{ d|sort }}
{{ d|reverse }}
{{ d|items }}
{{ nope|length }}
{{ m[] }}
{{ m[ }}
{{ (s }}
{% if (s %}x{% endif %}
{{ s) }}
{{ s|truncate(3) }}
`;

function reference(name: string, source: string): string {
  const environment = new Environment();
  environment.enablePyCompat();
  try {
    return environment.renderNamedStr(name, source, CONTEXT);
  } catch (error) {
    return `error: ${(error as Error).message.split('\n')[0]}`;
  } finally {
    environment.free();
  }
}

function ours(name: string, source: string): string {
  try {
    return compileTemplate(name, source).render(CONTEXT);
  } catch (error) {
    return `error: ${(error as Error).message}`;
  }
}

const CASES = TEMPLATES.trim()
  .split('\n')
  .flatMap((source) => [source, `${source}\n`]);

test.each(['x', 'x.html', 'x.json'])(
  'templates named %s render as minijinja renders them',
  (name) => {
    expect(CASES.length).toBeGreaterThan(200);
    const wrong = CASES.filter((source) => ours(name, source) !== reference(name, source));
    expect(wrong.map((source) => [source, ours(name, source), reference(name, source)])).toEqual(
      [],
    );
  },
);
