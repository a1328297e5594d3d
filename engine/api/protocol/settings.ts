/** `GET /settings`, `POST /settings`: `postyard.json` of the workspace and what follows from it. */
export interface SettingValues {
  readonly acceptAnyAuth: boolean;
  readonly offerStartTls: boolean;
  readonly captureLeaving: boolean;
  readonly openHosts: readonly string[];
  readonly allowFolders: readonly string[];
  readonly keepBytes: number;
  readonly keepDays: number;
  readonly smtp: string;
  readonly http: string;
  readonly ui: string;
  readonly smtps?: string | undefined;
}
export type SettingName = keyof SettingValues;

export interface SettingsAnswer {
  /** Relative to the workspace. */
  readonly file: string;
  /** As the file and the environment say, the defaults filled in. */
  readonly values: SettingValues;
  readonly defaults: SettingValues;
  /** The variables that set some of them, by setting: these cannot be changed here. */
  readonly environment: Readonly<Partial<Record<SettingName, string>>>;
  /** Why the file is not followed: with its line. Nothing can be changed here then. */
  readonly problem: string | null;
  /** What was remapped for this policy. */
  readonly remaps: readonly { readonly what: string; readonly from: string; readonly to: string }[];
  readonly kept: {
    readonly usedBytes: number;
    readonly removedTransactions: number;
    readonly removedBytes: number;
  };
}

/** One setting; null takes it out of the file, so that the default applies. */
export interface SettingChange {
  readonly name: SettingName;
  readonly value: boolean | number | string | readonly string[] | null;
}
