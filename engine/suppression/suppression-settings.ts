/**
 * How suppression behaves: its mode and what is listed by itself. Kept in the store as one setting;
 * a part that cannot be read is at its default.
 */
export const MODES = ['off', 'reject', 'null', 'bounce'] as const;
/**
 * `off`: the list is not asked. `reject`: 550 at the end of the data. `null`: accepted and thrown
 * away, a Reception record only. `bounce`: accepted, then bounced by Lua, Reception and Bounce.
 */
export type Mode = (typeof MODES)[number];

export interface AutoAdd {
  readonly bounce: boolean;
  readonly oob: boolean;
  readonly expiration: boolean;
  /** Bounce classes that list somebody, by Bounce and OOB; empty for all. */
  readonly classes: readonly string[];
}

export interface SuppressionSettings {
  readonly mode: Mode;
  readonly autoAdd: AutoAdd;
  /** The queue `suppressed` has been used and may still hold mail; its configuration is ours. */
  readonly hasBounceQueue: boolean;
}

/** A new workspace changes nothing of what a policy does. */
export const DEFAULT_SUPPRESSION: SuppressionSettings = {
  mode: 'off',
  autoAdd: { bounce: false, oob: false, expiration: false, classes: [] },
  hasBounceQueue: false,
};

export function parseSuppressionSettings(text: string | undefined): SuppressionSettings {
  const stored = parsed(text);
  const autoAdd = objectOf(stored['autoAdd']);
  const mode = MODES.find((one) => one === stored['mode']) ?? DEFAULT_SUPPRESSION.mode;
  const classes = autoAdd['classes'];
  return {
    mode,
    autoAdd: {
      bounce: autoAdd['bounce'] === true,
      oob: autoAdd['oob'] === true,
      expiration: autoAdd['expiration'] === true,
      classes: Array.isArray(classes) ? classes.map(String) : [],
    },
    hasBounceQueue: stored['hasBounceQueue'] === true,
  };
}

function parsed(text: string | undefined): Readonly<Record<string, unknown>> {
  try {
    return objectOf(text === undefined ? {} : JSON.parse(text));
  } catch {
    return {};
  }
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
