/**
 * The engine as the window knows it: its last status, the state of the connection, and what time the
 * mail clock says now. Ticks by itself so that "next due" counts down between two statuses.
 */
import type { ClockStatus, EngineStatus } from '../../engine/api/protocol.ts';
import type { LinkState } from '../connection/live.ts';

const TICK_MS = 1000;
/** A clock that runs fast is redrawn more often, unless motion is to be reduced. */
const FAST_TICK_MS = 200;
/** Below this difference the mail clock is real time as far as a person can tell. */
const REAL_TOLERANCE_MS = 1500;

export class EngineState {
  #status = $state.raw<EngineStatus | null>(null);
  #link = $state<LinkState>('connecting');
  #wasLive = $state(false);
  #isSilent = $state(false);
  #retryAtMs = $state<number | null>(null);
  #lastHeardMs = $state(0);
  /** The page's clock, as of the last tick. */
  #tickMs = $state(Date.now());
  #receivedAtMs = Date.now();
  #lastSpeed = 1;
  #timer: ReturnType<typeof setTimeout> | null = null;

  get status(): EngineStatus | null {
    return this.#status;
  }
  get link(): LinkState {
    return this.#link;
  }
  /** The connection was up once: what is on screen may be old, but it is there. */
  get wasLive(): boolean {
    return this.#wasLive;
  }
  /** Connected, but the engine has stopped answering. */
  get isSilent(): boolean {
    return this.#isSilent;
  }
  get retryAtMs(): number | null {
    return this.#retryAtMs;
  }
  get tickMs(): number {
    return this.#tickMs;
  }
  get lastHeardMs(): number {
    return this.#lastHeardMs;
  }

  /** What the mail clock says now. */
  nowMs = $derived.by(() => {
    const clock = this.#status?.clock;
    if (!clock) return this.#tickMs;
    // A forward moves in leaps that only the engine knows.
    const speed = clock.forward ? 0 : clock.speed;
    return clock.nowMs + Math.max(0, this.#tickMs - this.#receivedAtMs) * speed;
  });

  /** A span is being run through, event by event. */
  isForwarding = $derived(this.#status?.clock.forward != null);

  isClockReal = $derived.by(() => {
    const clock = this.#status?.clock;
    return (
      !clock ||
      (clock.speed === 1 && !clock.forward && Math.abs(clock.offsetMs) < REAL_TOLERANCE_MS)
    );
  });

  /** The shared file that this window shows instead of an engine. */
  shared = $derived(this.#status?.shared ?? null);

  smtpAddress = $derived(
    this.#status?.listeners.find(({ service }) => service === 'smtp')?.address ?? null,
  );

  /** What the clock ran at before it was frozen. */
  get lastSpeed(): number {
    return this.#lastSpeed;
  }

  takeStatus(status: EngineStatus): void {
    this.#status = status;
    if (status.clock.speed > 0) this.#lastSpeed = status.clock.speed;
    this.#receivedAtMs = Date.now();
    this.#tickMs = this.#receivedAtMs;
    this.heard();
  }

  /** The clock answered before the next status comes. */
  takeClock(clock: ClockStatus): void {
    if (this.#status) this.takeStatus({ ...this.#status, clock });
  }

  takeLink(link: LinkState, retryAtMs: number | null): void {
    this.#link = link;
    this.#retryAtMs = retryAtMs;
    if (link === 'live') {
      this.#wasLive = true;
      this.heard();
    }
  }

  heard(): void {
    this.#isSilent = false;
    this.#lastHeardMs = Date.now();
  }

  fellSilent(): void {
    this.#isSilent = true;
  }

  start(): void {
    const reduced = matchMedia('(prefers-reduced-motion: reduce)');
    const tick = (): void => {
      this.#tickMs = Date.now();
      const isFast = (this.#status?.clock.speed ?? 1) > 1 && !reduced.matches;
      this.#timer = setTimeout(tick, isFast ? FAST_TICK_MS : TICK_MS - (Date.now() % TICK_MS));
    };
    tick();
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }
}
