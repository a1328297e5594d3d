/**
 * The events of a policy as its author reads them: arguments, what may be returned, when it is
 * asked. For completion, hover and `docs/reference/lua.md`; `EventCalls` calls them.
 *
 * Source: reference `lua-api.md` §2.
 */
export interface EventEntry {
  readonly name: string;
  /** Names of the handler's arguments. */
  readonly args: readonly string[];
  /** `` when what is returned does not matter. */
  readonly returns: string;
  readonly doc: string;
}

function event(name: string, args: string, returns: string, doc: string): EventEntry {
  return { name, args: args === '' ? [] : args.split(', '), returns, doc };
}

export const EVENTS: readonly EventEntry[] = [
  event('pre_init', '', '', 'Once, before init.'),
  event('init', '', '', 'Once: listeners, spools, logs and classifiers are set up here.'),
  event('validate_config', '', '', 'With --validate only.'),
  event(
    'smtp_server_get_dynamic_parameters',
    'listener, conn_meta',
    'table',
    'Parameters of the listener for this connection; a table is required.',
  ),
  event('smtp_server_connection_accepted', 'conn_meta', '', 'Before the banner.'),
  event(
    'smtp_server_ehlo',
    'domain, conn_meta, extensions',
    'array?',
    'EHLO or HELO; may replace the list of extensions (EHLO only).',
  ),
  event(
    'smtp_server_auth_plain',
    'authz, authc, password, conn_meta',
    'boolean | AuthInfo',
    'AUTH PLAIN or LOGIN; nil is an error.',
  ),
  event('smtp_server_mail_from', 'sender, conn_meta', '', 'MAIL; sender is an EnvelopeAddress.'),
  event(
    'get_listener_domain',
    'domain, listener, conn_meta',
    'EsmtpDomain?',
    'Whether mail from and to this domain is taken; made by kumo.make_listener_domain.',
  ),
  event(
    'smtp_server_rcpt_to',
    'recipient, conn_meta',
    '',
    'RCPT; recipient is an EnvelopeAddress. A reject leaves this recipient out.',
  ),
  event(
    'smtp_server_data',
    'msg, conn_meta',
    '',
    'The message with all of its recipients, before it is divided.',
  ),
  event(
    'smtp_server_split_transaction',
    'msg, conn_meta',
    'array?',
    'Which recipients share a message: a list of lists of addresses.',
  ),
  event(
    'smtp_server_message_received',
    'msg, conn_meta',
    '',
    'Each message, before it is stored and queued: set meta, headers and routing here.',
  ),
  event(
    'smtp_server_message_deferred_inject',
    'msg, conn_meta',
    '',
    'In place of smtp_server_message_received when the listener defers.',
  ),
  event(
    'smtp_server_rewrite_response',
    'status, text, command, conn_meta',
    'integer?, string?',
    'Every reply of the listener; may change its code and text.',
  ),
  event('http_server_validate_auth_basic', 'user, password', 'boolean | AuthInfo', 'HTTP Basic.'),
  event('http_server_validate_auth_bearer', 'token', 'boolean | AuthInfo', 'HTTP Bearer.'),
  event('http_message_generated', 'msg, auth_info', '', 'Each message of an HTTP injection.'),
  event(
    'get_queue_config',
    'domain, tenant, campaign, routing_domain',
    'QueueConfig',
    'How a scheduled queue works; made by kumo.make_queue_config.',
  ),
  event(
    'get_egress_pool',
    'name',
    'EgressPool',
    'The sources of a pool; made by kumo.make_egress_pool.',
  ),
  event(
    'get_egress_source',
    'name',
    'EgressSource',
    'One source; made by kumo.make_egress_source.',
  ),
  event(
    'get_egress_path_config',
    'routing_domain, egress_source, site_name',
    'EgressPathConfig',
    'Limits and TLS towards a site; made by kumo.make_egress_path.',
  ),
  event(
    'throttle_insert_ready_queue',
    'msg',
    '',
    'Before a message enters a ready queue; a throttle may delay it here.',
  ),
  event(
    'requeue_message',
    'msg, smtp_response, insert_context, increment_attempts, delay',
    '',
    'A message that goes back to its queue; a reject bounces it.',
  ),
  event('rebind_message', 'msg, data', '', 'A rebind that asks for it; sets the new meta.'),
  event('spool_message_enumerated', 'msg', '', 'Each stored message at the start.'),
  event(
    'smtp_client_rewrite_delivery_status',
    'response, domain, tenant, campaign, routing_domain',
    'integer?',
    'A failed delivery; may change the code that counts.',
  ),
  event('should_enqueue_log_record', 'msg, hook_name', 'boolean', 'Whether a log hook takes it.'),
  event('get_acl_definition', 'resource', 'ACL?', 'The access control list of a resource.'),
  event('shutdown_logging', '', '', 'At the end, before logs are closed.'),
];
