/**
 * The overlays of ordinary mode as reception and the queues see them: steps in order, routes first
 * and suppression after them. The first step that decides a message's fate ends the question; what
 * a step sends to the `null` queue is not shown to the later ones.
 */
import type { ReceptionOverlay } from '../reception/overlay.ts';

export function inOrder(steps: readonly ReceptionOverlay[]): ReceptionOverlay | null {
  if (steps.length === 0) return null;
  return {
    async apply(message, context) {
      for (const step of steps) {
        const verdict = await step.apply(message, context);
        if (verdict !== 'keep') return verdict;
        if (message.getMeta('queue') === 'null') break;
      }
      return 'keep';
    },
  };
}
