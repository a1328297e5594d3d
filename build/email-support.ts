/**
 * Makes `engine/inspect/checks/email-support.json` of the data of caniemail.com:
 * `node build/email-support.ts FILE`, where FILE is https://www.caniemail.com/api/data.json or the
 * `caniemail.json` of the npm package of that name. For each feature one letter per client, of the
 * newest version tested: y yes, a partly, n no, u unknown.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const TARGET = join(import.meta.dirname, '../engine/inspect/checks/email-support.json');

/** Shown in this order; what few people use is left out. */
const CLIENTS: readonly (readonly [key: string, name: string])[] = [
  ['gmail.desktop-webmail', 'Gmail'],
  ['gmail.ios', 'Gmail iOS'],
  ['gmail.android', 'Gmail Android'],
  ['gmail.mobile-webmail', 'Gmail mobile web'],
  ['outlook.windows', 'Outlook Windows'],
  ['outlook.macos', 'Outlook macOS'],
  ['outlook.outlook-com', 'Outlook.com'],
  ['outlook.ios', 'Outlook iOS'],
  ['outlook.android', 'Outlook Android'],
  ['apple-mail.macos', 'Apple Mail'],
  ['apple-mail.ios', 'Apple Mail iOS'],
  ['yahoo.desktop-webmail', 'Yahoo'],
  ['yahoo.ios', 'Yahoo iOS'],
  ['yahoo.android', 'Yahoo Android'],
  ['aol.desktop-webmail', 'AOL'],
  ['samsung-email.android', 'Samsung Email'],
  ['thunderbird.macos', 'Thunderbird'],
  ['protonmail.desktop-webmail', 'Proton Mail'],
  ['fastmail.desktop-webmail', 'Fastmail'],
  ['hey.desktop-webmail', 'HEY'],
  ['gmx.desktop-webmail', 'GMX'],
  ['web-de.desktop-webmail', 'WEB.DE'],
  ['orange.desktop-webmail', 'Orange'],
  ['laposte.desktop-webmail', 'LaPoste.net'],
  ['mail-ru.desktop-webmail', 'Mail.ru'],
];

interface Source {
  readonly last_update_date: string;
  readonly data: readonly {
    readonly slug: string;
    readonly title: string;
    readonly stats: Readonly<Record<string, Readonly<Record<string, Record<string, string>>>>>;
  }[];
}

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error('Cannot read the data: found no FILE, expected one');
const source = JSON.parse(readFileSync(file, 'utf8')) as Source;

const features = source.data
  .filter(({ slug }) => /^(?:html|css|image)-/.test(slug))
  .map(({ slug, title, stats }) => {
    const letters = CLIENTS.map(([key]) => {
      const [family = '', platform = ''] = key.split('.');
      const versions = Object.values(stats[family]?.[platform] ?? {});
      return versions.at(-1)?.[0] ?? 'u';
    });
    return `    ${JSON.stringify(slug)}: ${JSON.stringify([title.trim(), letters.join('')])}`;
  });
writeFileSync(
  TARGET,
  [
    '{',
    '  "source": "caniemail.com by Rémi Parmentier and contributors, MIT licence",',
    `  "updated": "${source.last_update_date.slice(0, 10)}",`,
    `  "clients": ${JSON.stringify(CLIENTS.map(([, name]) => name))},`,
    '  "features": {',
    features.join(',\n'),
    '  }',
    '}\n',
  ].join('\n'),
);
