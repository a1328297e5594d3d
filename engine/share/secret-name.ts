/** Which names stand for secrets, in settings, Lua, headers, metadata and environment variables. */

/** What stands for a secret; the same as in transcripts and traces. */
export const SECRET = '••••';

const SECRET_WORDS =
  /(^|_)(passwords?|passwd|passphrase|secrets?|tokens?|api_?keys?|access_?keys?|private_?keys?|signing_?keys?|encryption_?keys?|shared_?keys?|secret_?keys?|server_?keys?|key_data|credentials?|authorization|cookies?|bearer|webhook_?url)$/;
const SHORT_WORDS = /(^|_)(pass|pwd|auth_?key|sas|dsn)$/;

/** `smtp_auth_plain_password`, `apiKey`, `X-Api-Key`, `authToken`; not `passThrough`, `passwordEnv`. */
export function isSecretName(name: string): boolean {
  const words = name
    .slice(0, 200)
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[-. ]/g, '_')
    .toLowerCase();
  return SECRET_WORDS.test(words) || SHORT_WORDS.test(words);
}
