/**
 * Base64 as KumoMTA reads it: padded, no line breaks, nothing left over. What is wrong is said in
 * the words of its decoder.
 *
 * Source: RFC 4648 §4; error texts of the data-encoding crate.
 */
const WHOLE = /^(?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/][AQgw]==|[A-Za-z\d+/]{2}[AEIMQUYcgkosw048]=)?$/;

/** @throws {Error} `invalid length at N`, `invalid symbol at N`, `non-zero trailing bits at N` */
export function decodeBase64(text: string): Buffer {
  if (!WHOLE.test(text)) throw new Error(faultOf(text));
  return Buffer.from(text, 'base64');
}

function faultOf(text: string): string {
  const bytes = Buffer.from(text);
  const left = bytes.length % 4;
  if (left !== 0) return `invalid length at ${bytes.length - left}`;
  const body = text.replace(/={1,2}$/, '');
  const odd = /[^A-Za-z\d+/]/.exec(body);
  if (odd !== null) return `invalid symbol at ${Buffer.byteLength(text.slice(0, odd.index))}`;
  return `non-zero trailing bits at ${body.length - 1}`;
}
