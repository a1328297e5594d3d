/** `GET /rows/:seq/checks`: what a recipient's side would find wrong; nobody is asked. */
export interface RowChecks {
  readonly facts: readonly CheckedFact[];
  readonly links: readonly CheckedLink[];
  /** Null: the message has no HTML. */
  readonly html: HtmlSupport | null;
}

export interface CheckedFact {
  readonly level: 'good' | 'note' | 'bad';
  readonly text: string;
}

export interface CheckedLink {
  readonly url: string;
  /** What a reader sees of it; `` for one that stands in the text. */
  readonly words: string;
  readonly count: number;
  readonly problems: readonly string[];
}

export interface HtmlSupport {
  /** Worst first; what every client supports is left out. */
  readonly findings: readonly FeatureFinding[];
  readonly featureCount: number;
  readonly clients: readonly string[];
  /** Day of the data of caniemail.com. */
  readonly updated: string;
}

export interface FeatureFinding {
  /** Its page: `https://www.caniemail.com/features/SLUG/`. */
  readonly slug: string;
  readonly title: string;
  readonly count: number;
  /** The first place that uses it. */
  readonly shown: string;
  readonly unsupported: readonly string[];
  readonly partly: readonly string[];
}
