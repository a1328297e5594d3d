/**
 * A mail's HTML, made harmless for the preview frame: no scripts, handlers, forms, frames or plug-ins,
 * nothing loaded from elsewhere unless it may, inline images resolved. The frame is sandboxed and
 * has a policy of its own as well; neither relies on the other.
 */
import sanitizeHtml from 'sanitize-html';
import type { Attributes } from 'sanitize-html';
import { cleanCss } from './css.ts';
import type { RemoteContent } from './remote-content.ts';

/** Elements inside elements; deeper ones lose their tags. */
const NESTING_MAX = 200;

const TAGS = [
  ...['a', 'abbr', 'acronym', 'address', 'area', 'article', 'aside', 'b', 'bdi', 'bdo', 'big'],
  ...[
    'blockquote',
    'br',
    'caption',
    'center',
    'cite',
    'code',
    'col',
    'colgroup',
    'dd',
    'del',
    'dfn',
  ],
  ...[
    'details',
    'dir',
    'div',
    'dl',
    'dt',
    'em',
    'figcaption',
    'figure',
    'font',
    'footer',
    'h1',
    'h2',
  ],
  ...[
    'h3',
    'h4',
    'h5',
    'h6',
    'header',
    'hr',
    'i',
    'img',
    'ins',
    'kbd',
    'li',
    'main',
    'map',
    'mark',
  ],
  ...['nav', 'ol', 'p', 'picture', 'pre', 'q', 's', 'samp', 'section', 'small', 'source', 'span'],
  ...['strike', 'strong', 'style', 'sub', 'summary', 'sup', 'table', 'tbody', 'td', 'tfoot', 'th'],
  ...['thead', 'time', 'tr', 'tt', 'u', 'ul', 'var', 'wbr'],
];

const ATTRIBUTES = [
  ...['abbr', 'align', 'alt', 'aria-hidden', 'aria-label', 'background', 'bgcolor', 'border'],
  ...['cellpadding', 'cellspacing', 'char', 'cite', 'class', 'clear', 'color', 'cols', 'colspan'],
  ...['coords', 'datetime', 'dir', 'face', 'frame', 'headers', 'height', 'href', 'hspace', 'id'],
  ...[
    'lang',
    'media',
    'name',
    'nowrap',
    'open',
    'rel',
    'reversed',
    'role',
    'rows',
    'rowspan',
    'rules',
  ],
  ...[
    'scope',
    'shape',
    'size',
    'span',
    'src',
    'srcset',
    'start',
    'style',
    'summary',
    'target',
    'title',
  ],
  ...['type', 'usemap', 'valign', 'value', 'vspace', 'width'],
];

/** Attributes that load something, whatever element they stand on. */
const LOADING = ['src', 'background', 'poster', 'data', 'lowsrc', 'dynsrc', 'xlink:href'] as const;

export interface SanitizeOptions {
  readonly remote: RemoteContent;
  /** What to show for `cid:` URLs: a `data:` URL, or null when there is no such part. */
  readonly resolveCid: (contentId: string) => string | null;
}

export function sanitizeMailHtml(html: string, options: SanitizeOptions): string {
  const resolve = (url: string): string | null => resolveUrl(url, options);
  const clean = sanitizeHtml(html, {
    allowedTags: TAGS,
    // Its content is cleaned below.
    allowVulnerableTags: true,
    allowedAttributes: { '*': ATTRIBUTES },
    allowedSchemes: ['http', 'https', 'mailto', 'tel', 'data'],
    allowedSchemesByTag: {
      a: ['http', 'https', 'mailto', 'tel'],
      area: ['http', 'https', 'mailto'],
    },
    allowedSchemesAppliedToAttributes: ['href', 'cite'],
    allowProtocolRelative: true,
    nonTextTags: [
      'script',
      'textarea',
      'option',
      'noscript',
      'title',
      'template',
      'iframe',
      'object',
    ],
    parseStyleAttributes: false,
    enforceHtmlBoundary: false,
    nestingLimit: NESTING_MAX,
    transformTags: {
      body: 'div',
      '*': (tagName, attributes) => ({
        tagName,
        attribs: cleanAttributes(tagName, attributes, resolve),
      }),
    },
    onOpenTag: (name, attributes) => {
      // Style sheets are dropped whole, and would have been loaded.
      if (name === 'link' && attributes['href']) options.remote.mayLoad(attributes['href']);
    },
  });
  return clean.replace(/(<style[^>]*>)([\s\S]*?)(<\/style>)/gi, (_, open: string, css: string) => {
    return `${open}${cleanCss(css, resolve)}</style>`;
  });
}

function cleanAttributes(
  tagName: string,
  attributes: Attributes,
  resolve: (url: string) => string | null,
): Attributes {
  const clean: Attributes = {};
  for (const [name, value] of Object.entries(attributes)) {
    if (name === 'style') clean[name] = cleanCss(value, resolve);
    else if (name === 'srcset') setIf(clean, name, cleanSrcset(value, resolve));
    else if ((LOADING as readonly string[]).includes(name)) setIf(clean, name, resolve(value));
    else clean[name] = value;
  }
  if (tagName === 'a') {
    clean['target'] = '_blank';
    clean['rel'] = 'noopener noreferrer nofollow';
  }
  return clean;
}

function setIf(attributes: Attributes, name: string, value: string | null): void {
  if (value !== null) attributes[name] = value;
}

/** Candidates of a srcset that may be loaded. */
function cleanSrcset(value: string, resolve: (url: string) => string | null): string | null {
  const kept = value.split(/,\s+|,(?=https?:)/).flatMap((candidate) => {
    const [url = '', ...size] = candidate.trim().split(/\s+/);
    const resolved = url === '' ? null : resolve(url);
    return resolved === null ? [] : [[resolved, ...size].join(' ')];
  });
  return kept.length === 0 ? null : kept.join(', ');
}

/** What to load instead of a URL that the mail names; null for nothing. */
function resolveUrl(url: string, { remote, resolveCid }: SanitizeOptions): string | null {
  const trimmed = url.trim();
  if (/^cid:/i.test(trimmed)) return resolveCid(decodeCid(trimmed.slice(4)));
  if (/^data:image\//i.test(trimmed)) return trimmed;
  return remote.mayLoad(trimmed) ? trimmed : null;
}

function decodeCid(cid: string): string {
  try {
    return decodeURIComponent(cid);
  } catch {
    return cid;
  }
}
