/**
 * The filter of diagnostic lines in the syntax of `KUMOD_LOG`: `info`, `kumod=debug`, several of
 * them with commas. Our lines have one origin, so the level that names `kumod` (or nothing)
 * counts; directives for other origins are accepted and have no effect.
 *
 * Source: tracing's EnvFilter; recorded scenario `admin-ready-queues`.
 */
export type FilterLevel = 'off' | 'error' | 'warn' | 'info' | 'debug' | 'trace';

const LEVELS: readonly FilterLevel[] = ['off', 'error', 'warn', 'info', 'debug', 'trace'];

const BAD_LEVEL =
  'error parsing level filter: expected one of "off", "error", "warn", "info", "debug", "trace", or a number 0-5';

/**
 * The level for our own lines.
 * @throws {Error} `parsing log filter '<text>': …`
 */
export function parseDiagnosticFilter(text: string): FilterLevel {
  let general: FilterLevel = 'error';
  let own: FilterLevel | null = null;
  for (const directive of text.split(',').map((d) => d.trim())) {
    if (directive === '') continue;
    const match = /^([^=[\]{}]*)(?:\[[^\]]*\])?(?:=(.*))?$/.exec(directive);
    const [, target = '', levelText] = match ?? [];
    const level = levelOf(levelText ?? target);
    if (levelText === undefined && level) general = level;
    else if (levelText !== undefined && !level) {
      throw new Error(`parsing log filter '${text}': ${BAD_LEVEL}: ${BAD_LEVEL}`);
    } else if (match === null) {
      throw new Error(`parsing log filter '${text}': invalid filter directive`);
    } else if (target === 'kumod') {
      own = level ?? 'trace';
    }
  }
  return own ?? general;
}

function levelOf(text: string): FilterLevel | undefined {
  const lower = text.toLowerCase();
  return /^[0-5]$/.test(text) ? LEVELS[Number(text)] : LEVELS.find((l) => l === lower);
}
