/**
 * Queue names split for the eye: `campaign:tenant@` and `!routing_domain` are dimmed, so that a
 * column of names can be scanned by domain. Ready queues keep source and site bright.
 */
export interface QueueNameParts {
  readonly before: string;
  readonly main: string;
  readonly after: string;
}

/** `campaign:tenant@domain!routing_domain` */
export function scheduledQueueName(name: string): QueueNameParts {
  const mark = name.indexOf('!');
  const head = mark < 0 ? name : name.slice(0, mark);
  const at = head.lastIndexOf('@');
  return {
    before: head.slice(0, at + 1),
    main: head.slice(at + 1),
    after: mark < 0 ? '' : name.slice(mark),
  };
}

/** `source->site@protocol` */
export function readyQueueName(name: string): QueueNameParts {
  const at = name.lastIndexOf('@');
  return at <= 0
    ? { before: '', main: name, after: '' }
    : { before: '', main: name.slice(0, at), after: name.slice(at) };
}
