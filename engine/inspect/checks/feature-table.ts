/**
 * What of HTML and CSS mail clients support, and by what each is recognised: most features by their
 * title (`<video> element`, `background-size`, `:hover`), the others by the lists below.
 *
 * Source: the data of caniemail.com, `email-support.json`, made by `build/email-support.ts`.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

interface SupportData {
  readonly updated: string;
  readonly clients: readonly string[];
  /** By slug: title, and a letter per client (y, a, n, u). */
  readonly features: Readonly<Record<string, readonly [title: string, letters: string]>>;
}

interface FeatureTable extends SupportData {
  /** Slug by what is found: `<video>`, `[align]`, `gap`, `display:flex`, `:hover`, `calc()`, `vh`, `@media`. */
  readonly byMark: ReadonlyMap<string, string>;
}

let table: FeatureTable | null = null;

/** Read once, when the first message is checked. */
export function featureTable(): FeatureTable {
  if (table !== null) return table;
  const file = join(import.meta.dirname, 'email-support.json');
  const data = JSON.parse(readFileSync(file, 'utf8')) as SupportData;
  const byMark = new Map<string, string>();
  for (const [slug, [title]] of Object.entries(data.features))
    for (const mark of SPECIAL[slug] ?? marksOf(slug, title)) byMark.set(mark, slug);
  table = { ...data, byMark };
  return table;
}

function marksOf(slug: string, title: string): readonly string[] {
  if (slug.startsWith('html-')) {
    const element = /^<(\w+)>(?: element)?$/.exec(title)?.[1];
    if (element !== undefined) return [`<${element}>`];
    const typed = /^<(\w+) type="(\w+)"> element$/.exec(title);
    if (typed) return [`<${typed[1]} type=${typed[2]}>`];
    const attribute = /^([\w-]+) attribute$/.exec(title)?.[1];
    return attribute === undefined ? [] : [`[${attribute}]`];
  }
  if (!slug.startsWith('css-')) return [];
  if (title.startsWith(':')) return [title.replace('()', '')];
  if (title.startsWith('@')) return [title];
  const unit = /^(%|[a-z]+) unit$/.exec(title)?.[1];
  if (unit !== undefined) return [unit === 'initial' ? 'initial' : `1${unit}`];
  const call = /^([a-z-]+)\(\)$/.exec(title)?.[1];
  if (call !== undefined) return [`${call}()`];
  const pair = /^([a-z-]+):\s*([a-z-]+)$/.exec(title);
  if (pair) return [`${pair[1]}:${pair[2]}`];
  const property = /^([a-z-]+)(?: property| shorthand| CSS property)?$/.exec(title)?.[1];
  return property === undefined ? [] : [property];
}

const elements = (...names: string[]): string[] => names.map((name) => `<${name}>`);

const SPECIAL: Readonly<Record<string, readonly string[]>> = {
  'html-h1-h6': elements('h1', 'h2', 'h3', 'h4', 'h5', 'h6'),
  'html-lists': elements('ul', 'ol', 'dl'),
  'html-semantics': [
    ...elements('article', 'aside', 'details', 'figcaption', 'figure', 'footer', 'header'),
    ...elements('main', 'mark', 'nav', 'section', 'summary', 'time'),
  ],
  'html-address': elements('address'),
  'html-image-maps': elements('map'),
  'html-svg': elements('svg'),
  'html-anchor-links': ['#anchor'],
  'html-mailto-links': ['mailto:'],
  'html-srcset': ['[srcset]', '[sizes]'],
  'html-loading-attribute': ['[loading]'],
  'html-meta-color-scheme': ['<meta name=color-scheme>'],
  'css-inert-attribute': ['[inert]'],
  'css-at-media-device-pixel-ratio': ['@media device-pixel-ratio'],
  'css-at-media-hover': ['@media hover', '@media any-hover'],
  'css-at-media-orientation': ['@media orientation'],
  'css-at-media-prefers-color-scheme': ['@media prefers-color-scheme'],
  'css-at-media-prefers-reduced-motion': ['@media prefers-reduced-motion'],
  'css-pseudo-class-lang': [':lang'],
  'css-pseudo-element-after': ['::after', ':after'],
  'css-pseudo-element-before': ['::before', ':before'],
  'css-block-inline-size': ['block-size'],
  'css-border-inline-block': ['border-inline', 'border-block'],
  'css-border-inline-block-individual': [
    ...['border-inline-start', 'border-inline-end', 'border-block-start', 'border-block-end'],
  ],
  'css-border-inline-block-longhand': [
    ...['border-inline-color', 'border-inline-style', 'border-inline-width'],
    ...['border-block-color', 'border-block-style', 'border-block-width'],
  ],
  'css-border-radius-logical': [
    ...['border-start-start-radius', 'border-start-end-radius'],
    ...['border-end-start-radius', 'border-end-end-radius'],
  ],
  'css-column-layout-properties': [
    ...['columns', 'column-fill', 'column-rule', 'column-span', 'column-width'],
  ],
  'css-gap': ['gap', 'column-gap', 'row-gap', 'grid-gap'],
  'css-grid-template': ['grid-template', 'grid-template-columns', 'grid-template-rows'],
  'css-intrinsic-size': ['fit-content', 'min-content', 'max-content'],
  'css-left-right-top-bottom': ['left', 'right', 'top', 'bottom'],
  'css-margin-block-start-end': ['margin-block-start', 'margin-block-end'],
  'css-margin-inline-block': ['margin-inline', 'margin-block'],
  'css-margin-inline-start-end': ['margin-inline-start', 'margin-inline-end'],
  'css-padding-block-start-end': ['padding-block-start', 'padding-block-end'],
  'css-padding-inline-block': ['padding-inline', 'padding-block'],
  'css-padding-inline-start-end': ['padding-inline-start', 'padding-inline-end'],
  'css-scroll-snap': ['scroll-snap-type', 'scroll-snap-align'],
  'css-modern-color': ['lch()', 'oklch()', 'lab()', 'oklab()'],
  'css-sytem-ui': ['system-ui', 'ui-serif', 'ui-sans-serif', 'ui-rounded', 'ui-monospace'],
  'css-variables': ['--variable', 'var()'],
  'css-unit-calc': ['calc()'],
  'css-important': ['!important'],
  'css-nesting': ['&nesting'],
  'css-selector-adjacent-sibling': ['a+b'],
  'css-selector-attribute': ['[selector]'],
  'css-selector-child': ['a>b'],
  'css-selector-descendant': ['a b'],
  'css-selector-general-sibling': ['a~b'],
  'css-selector-grouping': ['a,b'],
  'css-selector-id': ['#id'],
  'css-selector-class': ['.class'],
  'css-selector-universal': ['*'],
  'image-apng': ['.apng'],
  'image-avif': ['.avif'],
  'image-base64': ['data:image'],
  'image-bmp': ['.bmp'],
  'image-gif': ['.gif'],
  'image-heif': ['.heic', '.heif'],
  'image-ico': ['.ico'],
  'image-jpg': ['.jpg', '.jpeg'],
  'image-mp4': ['.mp4'],
  'image-png': ['.png'],
  'image-svg': ['.svg'],
  'image-tiff': ['.tif', '.tiff'],
  'image-webp': ['.webp'],
};
