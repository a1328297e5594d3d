/** An answer that is not the one that was asked for: its status and its text, as clients see it. */
export class HttpProblem extends Error {
  readonly status: number;

  constructor(status: number, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'HttpProblem';
    this.status = status;
  }
}
