/**
 * Answers that are not the one that was asked for. A `HttpProblem` is what a route has to say: its
 * text is shown behind `Error: `. A `HttpRefusal` comes from what stands before the routes
 * (authentication, limits, the reader of JSON), or is worded by the route itself: its text is the
 * whole body.
 *
 * Source: reference `http-logs-reception.md` §1.7.
 */
export class HttpProblem extends Error {
  readonly status: number;

  constructor(status: number, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'HttpProblem';
    this.status = status;
  }
}

export class HttpRefusal extends Error {
  readonly status: number;

  constructor(status: number, body: string, options?: { cause?: unknown }) {
    super(body, options);
    this.name = 'HttpRefusal';
    this.status = status;
  }
}
