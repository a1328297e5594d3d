/** Screens in both themes without serious findings of axe. The pictures' scenes say how to get there. */
import { expect, test } from 'vitest';
import { SCENES } from '../screens/scenes.ts';
import { describeInBrowser, openWindow, seriousFindings } from './window.ts';

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
  ['tester', 'dark'],
  ['tester-save', 'light'],
  ['expectations-20', 'light'],
  ['far-end-form', 'dark'],
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
        ...(scene.expected !== undefined && { expected: scene.expected }),
        context: { colorScheme, reducedMotion: 'reduce', viewport: VIEWPORT },
      });
      await scene.go?.(window.page, window.engine);
      expect(await seriousFindings(window.page)).toEqual([]);
      expect(window.complaints).toEqual([]);
    },
    120_000,
  );
});
