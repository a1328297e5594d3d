/** What can be done with routes, and with the door out. */
import type { Action } from '../actions.ts';
import { focusList } from '../focus.ts';
import type { Postyard } from '../state/postyard.svelte.ts';

function chosen(yard: Postyard): string | null {
  return yard.routes.rowOf(yard.routesCursor.current)?.route.name ?? null;
}

function needsRoute(yard: Postyard): string | null {
  return chosen(yard) === null ? 'No route is chosen' : null;
}

const about = (yard: Postyard): string => chosen(yard) ?? '';

async function move(yard: Postyard, by: number): Promise<void> {
  const name = chosen(yard);
  if (name === null) return;
  const routes = yard.routes.list?.routes ?? [];
  const at = routes.findIndex(({ route }) => route.name === name);
  if (await yard.routes.place(name, at + by)) yard.routesCursor.show(name);
}

async function toggle(yard: Postyard): Promise<void> {
  const { routes, routesCursor } = yard;
  if (routesCursor.current === '(capture)')
    return routes.setCapture(routes.list?.capture.enabled !== true);
  const row = routes.rowOf(routesCursor.current);
  if (row !== null) await routes.toggle(row.route.name, !row.route.enabled);
}

export function askToOpen(yard: Postyard, value: string): void {
  const open = yard.routes.list?.openHosts.workspace ?? [];
  yard.place.ask({
    label: 'Open a host',
    verb: 'Open',
    value,
    placeholder: 'smtp.example.com, *.example.com, 192.0.2.7 or 10.0.0.0/8',
    hint: 'Mail and lookups for it may leave this machine. The window wears an amber frame meanwhile.',
    suggestions: [],
    check: (text) =>
      text.trim() === ''
        ? 'A host is missing'
        : open.includes(text.trim())
          ? 'It is open already'
          : null,
    run: (text) => {
      yard.routes
        .openHosts([...open, text.trim()])
        .then(() => yard.toasts.say(`${text.trim()} is open: mail may leave this machine`))
        .catch((cause: unknown) => yard.toasts.fail(cause));
    },
  });
}

const onRoutes = { group: 'This route', screens: ['routes'], lists: ['routes'] } as const;

export const ROUTE_ACTIONS: readonly Action[] = [
  {
    id: 'route-new',
    label: 'New route',
    cli: 'route add FILE|JSON',
    group: 'This route',
    keys: ['n'],
    screens: ['routes'],
    icon: 'plus',
    run: (yard) => {
      yard.routes.show('routes');
      yard.routes.edit(null);
    },
  },
  {
    ...onRoutes,
    id: 'route-edit',
    label: 'Edit the route',
    cli: 'route add FILE|JSON',
    icon: 'gear',
    hint: about,
    refusal: needsRoute,
    run: (yard) => {
      const name = chosen(yard);
      if (name !== null) yard.routes.edit(name);
    },
  },
  {
    ...onRoutes,
    id: 'route-toggle',
    label: 'Switch on or off',
    cli: 'route on|off NAME',
    keys: [' '],
    icon: 'plan',
    hint: about,
    refusal: (yard) => (yard.routesCursor.current === '(capture)' ? null : needsRoute(yard)),
    run: toggle,
  },
  {
    ...onRoutes,
    id: 'route-up',
    label: 'Move up',
    cli: 'route order NAME NUMBER',
    keys: ['Alt+ArrowUp'],
    icon: 'up',
    hint: about,
    refusal: needsRoute,
    run: (yard) => move(yard, -1),
  },
  {
    ...onRoutes,
    id: 'route-down',
    label: 'Move down',
    cli: 'route order NAME NUMBER',
    keys: ['Alt+ArrowDown'],
    icon: 'down',
    hint: about,
    refusal: needsRoute,
    run: (yard) => move(yard, 1),
  },
  {
    ...onRoutes,
    id: 'route-remove',
    label: 'Remove the route',
    cli: 'route remove NAME',
    keys: ['#', 'Delete'],
    icon: 'trash',
    hint: about,
    refusal: needsRoute,
    run: async (yard) => {
      const name = chosen(yard);
      if (name === null) return;
      const putBack = await yard.routes.remove(name);
      yard.toasts.say(`Removed the route ${name}`, () => void putBack());
    },
  },
  {
    ...onRoutes,
    id: 'route-lua',
    label: 'Show the route as Lua',
    cli: 'route lua NAME',
    keys: ['l'],
    icon: 'policy',
    hint: about,
    refusal: needsRoute,
    run: async (yard) => {
      const name = chosen(yard);
      if (name !== null) await yard.routes.showLua(name);
    },
  },
  {
    ...onRoutes,
    id: 'route-mail',
    label: 'Show its mail',
    keys: ['v'],
    icon: 'mail',
    hint: about,
    refusal: needsRoute,
    run: (yard) => {
      const name = chosen(yard);
      if (name === null) return;
      yard.mailCursor.clear();
      void yard.mail.open(`route:${name}`);
      yard.goTo('mail');
    },
  },
  {
    id: 'routes-lua',
    label: 'Show all routes as Lua',
    cli: 'route lua',
    group: 'This route',
    keys: ['L'],
    screens: ['routes'],
    icon: 'policy',
    run: (yard) => {
      yard.routes.show('routes');
      return yard.routes.showLua(null);
    },
  },
  {
    id: 'routes-move',
    label: 'Move what is queued',
    cli: 'route move',
    group: 'This route',
    keys: ['m'],
    screens: ['routes'],
    icon: 'queues',
    refusal: (yard) =>
      yard.routes.movable.value === 0 ? 'Nothing that waits would go another way' : null,
    run: async (yard) => yard.toasts.say(await yard.routes.moveQueued()),
  },
  {
    ...onRoutes,
    id: 'route-save',
    label: 'Save the route',
    cli: 'route add FILE|JSON',
    keys: ['Mod+S'],
    icon: 'check',
    refusal: (yard) =>
      yard.routes.editing === null
        ? 'No route is being edited'
        : (yard.routes.check?.problems.length ?? 0) > 0
          ? 'Something in it is not as expected'
          : null,
    run: async (yard) => {
      const name = await yard.routes.save();
      if (name === null) return;
      yard.routesCursor.show(name);
      focusList('routes');
    },
  },
  {
    id: 'open-host',
    label: 'Open a host…',
    cli: 'route open HOST',
    group: 'This route',
    keys: ['o'],
    screens: ['routes'],
    icon: 'leaves',
    run: (yard) => askToOpen(yard, ''),
  },
];
