/** Screens in both themes without serious findings of axe. The pictures' scenes say how to get there. */
import AxeBuilder from '@axe-core/playwright';
import { expect, test } from 'vitest';
import { SCENES } from '../screens/scenes.ts';
import { describeInBrowser, openWindow } from './window.ts';

/** A low window holds every kind of element and few of each: axe looks at every one of them. */
const VIEWPORT = { width: 1440, height: 480 };
const CHECKED: readonly (readonly [string, 'dark' | 'light'])[] = [
  ['first-start', 'light'],
  ['mail', 'dark'],
  ['mail', 'light'],
  ['message', 'light'],
  ['attempts', 'dark'],
  ['headers', 'light'],
  ['parts', 'dark'],
  ['filter', 'light'],
  ['queues', 'dark'],
  ['queues', 'light'],
  ['suppression', 'light'],
  ['suppression', 'dark'],
  ['suppression-presented', 'dark'],
  ['lab', 'dark'],
  ['lab-error', 'light'],
  ['lab-webhook', 'light'],
  ['log', 'light'],
  ['maildir', 'dark'],
  ['palette', 'dark'],
  ['keys', 'light'],
  ['policy-error', 'dark'],
];

describeInBrowser('accessibility', () => {
  test.each(CHECKED)(
    'axe finds nothing serious: %s, %s',
    async (name, colorScheme) => {
      const scene = SCENES.find((each) => each.name === name);
      if (!scene) throw new Error(`Cannot check a screen: name is ${name}, expected a scene`);
      await using window = await openWindow({
        rows: scene.rows,
        ...(scene.status && { status: scene.status }),
        context: { colorScheme, reducedMotion: 'reduce', viewport: VIEWPORT },
      });
      await scene.go?.(window.page, window.engine);
      // The mail's own content is not ours to judge.
      const found = await new AxeBuilder({ page: window.page }).exclude('iframe').analyze();
      const serious = found.violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(
          ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join('\n   ')}`,
        );
      expect(serious).toEqual([]);
      expect(window.complaints).toEqual([]);
    },
    120_000,
  );
});
