/** The beginning of a download as text: what a large message shows before anybody asks for all. */
export interface BoundedText {
  readonly text: string;
  readonly bytes: number;
  /** There is more than was read. */
  readonly isCut: boolean;
}

/** @param bytesMax stops reading here; Infinity for all of it */
export async function fetchText(
  url: string,
  bytesMax: number,
  signal: AbortSignal,
): Promise<BoundedText> {
  const headers: HeadersInit = Number.isFinite(bytesMax)
    ? { range: `bytes=0-${bytesMax - 1}` }
    : {};
  const answer = await fetch(url, { headers, signal });
  if (!answer.ok || !answer.body) throw new Error(`The engine answered ${answer.status}`);
  const reader = answer.body.getReader();
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  let isDone = false;
  while (bytes < bytesMax) {
    const { done, value } = await reader.read();
    isDone = done;
    if (done) break;
    pieces.push(value);
    bytes += value.length;
  }
  if (!isDone) await reader.cancel();
  const whole = await new Blob(pieces as BlobPart[]).arrayBuffer();
  const text = new TextDecoder().decode(whole.slice(0, Math.min(bytes, bytesMax)));
  return { text, bytes, isCut: isCutOf(answer, bytes, isDone) };
}

function isCutOf(answer: Response, bytes: number, isDone: boolean): boolean {
  const total = Number(/\/(\d+)$/.exec(answer.headers.get('content-range') ?? '')?.[1] ?? NaN);
  return Number.isNaN(total) ? !isDone : bytes < total;
}
