/**
 * Every bound that is not a setting, by name, with what happens when it is reached. Bounds that
 * policies or users may change are settings and live with those.
 */

/** A line of a server's reply; RFC 5321 allows 512. Longer: the connection is given up. */
export const REPLY_LINE_BYTES_MAX = 16 * 1024;

/** All lines of one reply together. More: the connection is given up. */
export const REPLY_BYTES_MAX = 256 * 1024;

/** A response line inside AUTH. Longer: 500 5.5.6, and AUTH is over. */
export const AUTH_LINE_BYTES_MAX = 16_384;

/** Input kept while a command is being worked on. More: the socket is not read until it is done. */
export const PIPELINE_BYTES_MAX = 256 * 1024;

/** Replies that the client has not read. More: its commands wait until it does. */
export const UNREAD_REPLY_BYTES_MAX = 256 * 1024;

/** Lines of a conversation kept with one transaction. More: counted in a note at the end. */
export const TRANSCRIPT_LINES_MAX = 2_000;

/** Characters of one transcript line. Longer: cut, with the length noted. */
export const TRANSCRIPT_LINE_CHARS_MAX = 2_000;

/** Policy calls kept with one transaction. More: counted in a last entry. */
export const EVENT_CALLS_MAX = 5_000;

/** Listener domains remembered in one session. More: the oldest is asked again. */
export const LISTENER_DOMAINS_MAX = 16;

/** Bytes of a PROXY protocol header (version 1: 107, version 2: 16 + address part). More: closed. */
export const PROXY_HEADER_BYTES_MAX = 16 + 4096;

/** Messages answered with 250 and not yet in their queue (ordinary mode). More: the next waits. */
export const INSERTS_IN_FLIGHT_MAX = 2_000;

/** How long a stopping listener waits for a client to take its last reply before it is cut off. */
export const SESSION_CLOSE_GRACE_MS = 5_000;

/** Keys that a far end remembers per table (greylist, counts, rates). More: the oldest is forgotten. */
export const FAR_END_KEYS_MAX = 10_000;

/** Messages of one far end that are kept to look at. More: the oldest goes. */
export const FAR_END_CAPTURED_MAX = 500;

/** Bytes of the messages that one far end keeps. More: the oldest go. */
export const FAR_END_CAPTURED_BYTES_MAX = 64 * 1024 * 1024;

/** Bytes kept of one message at a far end. More: taken and counted, not kept. */
export const FAR_END_MESSAGE_BYTES_MAX = 8 * 1024 * 1024;

/** Clients of one far end at a time. More: 421. */
export const FAR_END_CLIENTS_MAX = 1_000;
