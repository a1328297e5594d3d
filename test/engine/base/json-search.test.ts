/** Search in JSON: values, not names; in the engine and, for live records, in the window. */
import { describe, expect, test } from 'vitest';
import * as engine from '../../../engine/base/json-search.ts';
import * as renderer from '../../../renderer/format/json-search.ts';

const RECORD = JSON.stringify({
  type: 'Delivery',
  bounce_classification: 'Uncategorized',
  response: { code: 250, content: 'said "type": ok, \\ bye' },
  meta: { tenant: 'Acme' },
});

describe.each([
  ['engine', engine],
  ['window', renderer],
])('%s:', (_name, { jsonHasText }) => {
  test('jsonHasText() finds values in any case, and no names of fields', () => {
    const found = (text: string) => jsonHasText(RECORD, text);
    expect(['delivery', 'ACME', '250', 'uncat', ', \\\\ bye', ''].map(found)).toEqual(
      Array(6).fill(true),
    );
    expect(['bounce', 'classification', 'tenant', 'content', 'nowhere'].map(found)).toEqual(
      Array(5).fill(false),
    );
  });

  test('jsonHasText() takes a copied piece of JSON as it is', () => {
    expect(jsonHasText(RECORD, '"code":250')).toBe(true);
    expect(jsonHasText(RECORD, '"code":251')).toBe(false);
  });
});
