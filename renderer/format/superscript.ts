/** Arithmetic from the engine with its raised digits (`20 m × 2⁰ + 12 s jitter`) split for `<sup>`. */
const RAISED = '⁰¹²³⁴⁵⁶⁷⁸⁹';

export interface RaisedPiece {
  readonly text: string;
  readonly isRaised: boolean;
}

export function raisedPieces(text: string): RaisedPiece[] {
  const pieces: RaisedPiece[] = [];
  for (const piece of text.split(/([⁰¹²³⁴⁵⁶⁷⁸⁹]+)/)) {
    if (piece === '') continue;
    const isRaised = RAISED.includes(piece[0] ?? ' ');
    pieces.push({
      isRaised,
      text: isRaised ? [...piece].map((digit) => RAISED.indexOf(digit)).join('') : piece,
    });
  }
  return pieces;
}
