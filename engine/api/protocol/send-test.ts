/** The button that sends a test message to the engine itself. */

/** `POST /send-test` answers with what the SMTP server said. */
export interface SendTestRequest {
  readonly from?: string;
  readonly to?: string;
  readonly subject?: string;
}
export interface SendTestResult {
  readonly ok: boolean;
  readonly reply: string;
  readonly to: string;
}
