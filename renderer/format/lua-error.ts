/** What a Lua error says, without its place, which the line itself shows, and without the traceback. */
const PLACE = /^(?:\w+ error: )?(?:\[string "[^"]*"\]|[^\s:]+\.lua):\d+: /;

export function luaErrorText(message: string): string {
  return (message.split('\n')[0] ?? '').replace(PLACE, '');
}
