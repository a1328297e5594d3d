import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../../engine/base/random.ts';
import { jsonFloat, jsonInteger, type JsonObject } from '../../../engine/mail/json.ts';
import { TemplateError } from '../../../engine/mail/template-error.ts';
import { compileTemplate } from '../../../engine/mail/template.ts';

function render(source: string, context: JsonObject = {}, name = 'x'): string {
  return compileTemplate(name, source).render(context);
}

function errorOf(source: string, context: JsonObject = {}, name = 'x'): TemplateError {
  try {
    render(source, context, name);
  } catch (error) {
    if (error instanceof TemplateError) return error;
    throw error;
  }
  throw new Error(`rendered ${source}`);
}

describe('Jinja', () => {
  test('prints null as none, missing names as nothing, floats with a point', () => {
    expect(
      render('{{ a }}|{{ nope }}|{{ m.nope }}|{{ 4 / 2 }}|{{ true }}|{{ f }}', {
        a: null,
        m: {},
        f: 1.5,
      }),
    ).toBe('none|||2.0|true|1.5');
    expect(render('{{ m }}', { m: { b: [1, 'x', null], a: true } })).toBe(
      '{"a": true, "b": [1, "x", none]}',
    );
  });

  test('tells a float of the data from an integer', () => {
    const context = { f: jsonFloat(12), i: 12, l: [jsonFloat(1)] };
    expect(
      render('{{ f }} {{ i }} {{ f + i }} {{ l }} {{ f == i }} {{ f | tojson }}', context),
    ).toBe('12.0 12 24.0 [1.0] true 12.0');
    expect(compileTemplate('x', '{{f}} {{i}}', 'Handlebars').render(context)).toBe('12.0 12');
  });

  test('drops one line break at the end and keeps the others', () => {
    expect(render('a\n\n')).toBe('a\n');
    expect(render('a\r\n')).toBe('a');
    expect(render('a\r\nb')).toBe('a\r\nb');
  });

  test('escapes by the name', () => {
    const t = { t: `<&>"'/` };
    expect(render('{{ t }}', t)).toBe(`<&>"'/`);
    expect(render('{{ t }}{{ t | safe }}', t, 'a.html')).toBe(
      `&lt;&amp;&gt;&quot;&#x27;&#x2f;<&>"'/`,
    );
    expect(render('{{ t }} {{ n }}', { t: 'a"b', n: [1] }, 'a.json')).toBe('"a\\"b" [1]');
  });

  test('knows loop controls, macros, filters, tests and methods', () => {
    expect(
      render(
        '{% for x in [1,2,3,4] %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 4 %}{% break %}{% endif %}{{ x }}{% endfor %}',
      ),
    ).toBe('13');
    expect(
      render('{% macro m(a, b=2) %}<{{ a }}{{ b }}>{% endmacro %}{{ m(1) }}{{ m(1, 3) }}'),
    ).toBe('<12><13>');
    expect(
      render(
        '{{ local_part | lower | replace(".", "_") }}/{% if tenant %}{{ tenant }}{% else %}shared{% endif %}/{{ d.split(".")[0] | upper }}/{{ m.x | default("none") }}',
        {
          local_part: 'John.Q',
          tenant: null,
          d: 'box.test',
          m: {},
        },
      ),
    ).toBe('john_q/shared/BOX/none');
    expect(
      render('{% for g in u | groupby("n") %}{{ g.grouper }}={{ g.list | length }};{% endfor %}', {
        u: [{ n: 2 }, { n: 1 }, { n: 2 }],
      }),
    ).toBe('1=1;2=2;');
    expect(render('{{ "550 5.1.1 <a@b.test> unknown" | normalize_smtp_response }}')).toBe(
      '550 5.1.1 <{email}> unknown',
    );
  });

  test('formats dates in a zone', () => {
    const at = 1_687_624_642;
    expect(render('{{ t | datetimeformat }}', { t: at })).toBe('Jun 24 2023 16:37');
    expect(render('{{ t | datetimeformat(format="iso", tz="Europe/Vienna") }}', { t: at })).toBe(
      '2023-06-24T18:37:22+02:00',
    );
    expect(render('{{ "2023-06-24" | dateformat(format="full") }}')).toBe('Saturday, June 24 2023');
    expect(
      render('{{ t | timeformat(format="[hour repr:12]:[minute] [period]") }}', { t: at }),
    ).toBe('04:37 PM');
  });

  test('takes time and chance from what it was given', () => {
    const sources = { now: () => 1_700_000_000_500, random: new SeededRandom(1) };
    const template = compileTemplate('x', '{{ now() }} {{ [5] | random }} {{ randrange(3, 4) }}');
    expect(template.render({}, sources)).toBe('1700000000.5 5 3');
    expect(() => template.render({})).toThrow('no clock is available');
  });

  test.each([
    ['{{ a', 'syntax error: unexpected end of input, expected end of variable block (in x:1)'],
    ['a\n{{ nothing.at.all }}', 'undefined value (in x:2)'],
    ['{{ 1 | nope }}', 'unknown filter: filter nope is unknown (in x:1)'],
    ['{{ nope() }}', 'unknown function: nope is unknown (in x:1)'],
    [
      '{{ "a" + 1 }}',
      'invalid operation: tried to use + operator on unsupported types string and number (in x:1)',
    ],
    ['{% break %}', "syntax error: 'break' must be placed inside a loop (in x:1)"],
    [
      '{% include "y" %}',
      'template not found: tried to include non-existing template "y" (in x:1)',
    ],
    ['{{ "abc }}', 'syntax error: unexpected end of string (in x:1)'],
  ])('%s fails as the engine says', (source, message) => {
    expect(errorOf(source).message).toBe(message);
  });

  test('an error quotes its line for the API', () => {
    expect(errorOf('ok\n  {{code', {}, 'text_body.txt').quoted).toBe(
      "syntax error: unexpected end of input, expected end of variable block (in template 'text_body.txt' line 2: '  {{code')",
    );
  });

  test('deep recursion is an error of the template', () => {
    expect(errorOf('{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}').message).toContain(
      'recursion limit',
    );
  });
});

describe('Static', () => {
  test('returns its source', () => {
    expect(compileTemplate('x', 'static {{ name }}\n', 'Static').render({})).toBe(
      'static {{ name }}\n',
    );
  });
});

describe('Handlebars', () => {
  const bars = (source: string, context: JsonObject = {}, name = 'x'): string =>
    compileTemplate(name, source, 'Handlebars').render(context);

  test('renders paths, blocks and missing names', () => {
    expect(
      bars(
        'bars {{ name }} {{#each list}}[{{this}}]{{/each}} {{m.k}} {{amp}} {{{amp}}} {{nothing}}\n',
        {
          name: 'Bea',
          list: ['x', 'y'],
          m: { k: 'v' },
          amp: 'a&b',
        },
      ),
    ).toBe('bars Bea [x][y] v a&b a&b \n');
  });

  test('escapes for .html only', () => {
    expect(bars('{{ a }}{{{ a }}}', { a: `<"'=` }, 'x.html')).toBe(`&lt;&quot;&#x27;&#x3D;<"'=`);
  });

  test('looks names up in the data around', () => {
    expect(
      bars('{{#each l}}{{n}}{{who}}{{@index}}{{#unless @last}},{{/unless}}{{/each}}', {
        who: 'W',
        l: [{ n: 1 }, { n: 2 }],
      }),
    ).toBe('1W0,2W1');
    expect(bars('{{#with a}}{{../b}}{{@root.b}}{{/with}}', { a: { x: 1 }, b: 'B' })).toBe('BB');
  });

  test('has else, chained else, helpers and white space control', () => {
    const source = '{{#if a}}A{{else if (eq b 2)}}B{{else}}C{{/if}}';
    expect([{ a: 1 }, { b: 2 }, {}].map((c) => bars(source, c as JsonObject)).join('')).toBe('ABC');
    expect(bars('a  {{~ "x" ~}}  b {{! no }}{{lookup m "k"}} {{len m}}', { m: { k: 5 } })).toBe(
      'axb 5 1',
    );
    expect(bars('{{#each o as |v k|}}{{k}}={{v}};{{/each}}', { o: { b: 1, a: 2 } })).toBe(
      'a=2;b=1;',
    );
  });

  test('compares numbers of any kind', () => {
    const numbers = { f: jsonFloat(2), big: jsonInteger(9007199254740993n), i: 2 };
    const source =
      '{{gt f 1}} {{lt f 2.5}} {{gte f i}} {{gt big i}} {{gt i big}} {{gt f "1"}} {{eq f f}}';
    expect(bars(source, numbers)).toBe('true true true true false false true');
  });

  test('a block tag alone on its line leaves no line', () => {
    expect(bars('a\n{{#if t}}\n  b\n{{/if}}\nc', { t: true })).toBe('a\n  b\nc');
  });

  test('prints lists and objects as handlebars-rust does', () => {
    expect(bars('{{l}} {{o}} {{n}} {{t}}', { l: [1, 2], o: {}, n: null, t: false })).toBe(
      '[1, 2, ] [object]  false',
    );
  });

  test.each(['{{#if a}}', '{{/if}}', '{{#if a}}{{/each}}', '{{ a', '{{> part}}', '{{foo 1}}'])(
    '%s is an error',
    (source) => {
      expect(() => bars(source)).toThrow(TemplateError);
    },
  );
});

test('compileTemplate() compiles a source once', () => {
  expect(compileTemplate('n', 'once {{ a }}')).toBe(compileTemplate('n', 'once {{ a }}'));
  expect(compileTemplate('n', 'once {{ a }}')).not.toBe(compileTemplate('m', 'once {{ a }}'));
});
