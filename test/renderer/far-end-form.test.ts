/** A far end as fields and back: nothing that the form does not show is lost. */
import { expect, test } from 'vitest';
import { farEndForm } from '../../engine/api/far-end-form.ts';
import { PRESETS } from '../../engine/farends/presets.ts';
import { checkFarEnd } from '../../engine/farends/far-ends-file.ts';
import { STAGES_OF } from '../../engine/farends/far-end-schema.ts';
import { fieldsOf, ruleFields, specOf } from '../../renderer/screens/far-ends/far-end-form.ts';

const form = farEndForm();

test('every behaviour has its sentence, its stages and its parameters', () => {
  expect(form.behaviours.map(({ name }) => name)).toEqual(Object.keys(STAGES_OF));
  for (const { name, what, at, fields } of form.behaviours) {
    expect(what, name).not.toBe('');
    expect(at, name).toEqual(STAGES_OF[name as keyof typeof STAGES_OF]);
    expect(fields.map((field) => field.name)).toEqual(expect.arrayContaining(['to', 'from']));
  }
  const limit = form.behaviours.find(({ name }) => name === 'rate-limit');
  expect(limit?.fields[0]).toMatchObject({ name: 'max', kind: 'number', isRequired: true });
});

test.each(PRESETS)('$name comes back as it was', ({ name, spec }) => {
  const whole = { name, ...spec };
  expect(specOf(fieldsOf(whole), form)).toEqual(whole);
  expect(checkFarEnd(specOf(fieldsOf(whole), form))).toMatchObject({ ok: true });
});

test('what has no field is kept; a reply of several lines stays a list', () => {
  const spec = {
    name: 'odd',
    port: 2525,
    auth: { user: 'ada', password: 'x' },
    without: ['SIZE'],
    magic: false,
    rules: [{ do: 'reject', at: 'rcpt', code: 452, text: ['one', 'two'], chance: 0.5 }],
  };
  expect(specOf(fieldsOf(spec), form)).toEqual(spec);
});

test('a number that is none goes to the engine as it is and is refused at its place', () => {
  const fields = fieldsOf({ name: 'x' });
  fields.rules.push(ruleFields('reject', 'rcpt', { code: 'many' }));
  expect(checkFarEnd(specOf(fields, form))).toMatchObject({ ok: false, path: 'rules[0].code' });
});
