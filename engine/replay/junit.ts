/** Results of checks as JUnit XML, which every CI reads. Pure. */
export interface JunitCase {
  readonly file: string;
  readonly name: string;
  readonly seconds: number;
  /** Null: it holds. */
  readonly failure: string | null;
}

export function junitXml(cases: readonly JunitCase[]): string {
  const suites = [...Map.groupBy(cases, ({ file }) => file)].map(([file, own]) => {
    const failures = own.filter(({ failure }) => failure !== null).length;
    const time = own.reduce((sum, { seconds }) => sum + seconds, 0).toFixed(3);
    const head = `  <testsuite name="${escaped(file)}" tests="${own.length}" failures="${failures}" time="${time}">`;
    return [head, ...own.map(caseXml), '  </testsuite>'].join('\n');
  });
  const failures = cases.filter(({ failure }) => failure !== null).length;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="postyard check" tests="${cases.length}" failures="${failures}">`,
    ...suites,
    '</testsuites>',
    '',
  ].join('\n');
}

function caseXml({ file, name, seconds, failure }: JunitCase): string {
  const head = `    <testcase classname="${escaped(file)}" name="${escaped(name)}" time="${seconds.toFixed(3)}"`;
  if (failure === null) return `${head}/>`;
  const [first = ''] = failure.split('\n');
  return `${head}>\n      <failure message="${escaped(first)}">${escaped(failure)}</failure>\n    </testcase>`;
}

/** Characters that XML 1.0 does not allow are left out. */
function escaped(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
