/**
 * The overlays of ordinary mode as reception and the queues see them: steps in order, routes first
 * and suppression after them. The first step that decides a message's fate ends the question; what
 * a step sends to the `null` queue is not shown to the later ones.
 */
import type { QueueConfigOverlay } from '../queue/queue-deps.ts';
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
    passThrough(messages) {
      for (const step of steps) {
        const passed = step.passThrough?.(messages) ?? null;
        if (passed !== null) return passed;
      }
      return null;
    },
  };
}

/** For queues and paths: the first one that answers. */
export function firstAnswer(overlays: readonly QueueConfigOverlay[]): QueueConfigOverlay {
  return {
    answer(...name) {
      for (const overlay of overlays) {
        const answer = overlay.answer(...name);
        if (answer !== null) return answer;
      }
      return null;
    },
    path(routingDomain, site) {
      for (const overlay of overlays) {
        const path = overlay.path?.(routingDomain, site) ?? null;
        if (path !== null) return path;
      }
      return null;
    },
  };
}
