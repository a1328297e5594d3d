/** What a newcomer may try: a delivery of one's own, appended to the policy, unsaved. */
export const STARTER_CONSTRUCTOR = 'make.webhook_example';

const STARTER = `
-- A delivery of your own: run captured messages through it here. Nothing is sent.
-- In real use, a queue names it: protocol = { custom_lua = { constructor = '${STARTER_CONSTRUCTOR}' } }
kumo.on('${STARTER_CONSTRUCTOR}', function(domain, tenant, campaign)
  local client = kumo.http.build_client {}
  local connection = {}

  function connection:send(message)
    print('for ' .. message:recipient().email .. ' of ' .. domain)
    local response = client:post('http://127.0.0.1:8080/mail')
      :header('Content-Type', 'message/rfc822')
      :body(message:get_data())
      :send()
    if not response:status_is_success() then
      -- 4xx: tried again later. 5xx: bounced.
      kumo.reject(400, 'the webhook answered ' .. response:status_code())
    end
    return 'taken by the webhook'
  end

  return connection
end)
`;

/** The policy with the example at its end; as it is when it has that already. */
export function withStarter(policy: string): string {
  if (policy.includes(STARTER_CONSTRUCTOR)) return policy;
  const head = /\bkumo\s*=\s*require\b/.test(policy)
    ? policy
    : `local kumo = require 'kumo'\n${policy}`;
  return `${head.trimEnd()}\n${STARTER}`;
}
