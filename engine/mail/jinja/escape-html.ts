/** HTML escaping as templates whose name ends in `.html` do it. */
const HTML_ESCAPES: Readonly<Record<string, string>> = {
  '<': '&lt;',
  '>': '&gt;',
  '&': '&amp;',
  '"': '&quot;',
  "'": '&#x27;',
  '/': '&#x2f;',
};

export function escapeHtml(text: string): string {
  return text.replace(/[<>&"'/]/g, (c) => HTML_ESCAPES[c] ?? c);
}
