/**
 * From a parsed command to the file that carries it out. Each returns its reply, at once unless the
 * policy has to be asked.
 */
import type { Command } from '../../smtp/command-line.ts';
import type { Session } from '../session.ts';
import { redactAuth } from '../secrets.ts';
import { accept, refuse } from '../server-reply.ts';
import type { ServerReply } from '../server-reply.ts';
import { auth } from './auth.ts';
import { data } from './data.ts';
import { ehlo } from './ehlo.ts';
import { mail } from './mail.ts';
import { rcpt } from './rcpt.ts';
import { starttls } from './starttls.ts';
import { xclient } from './xclient.ts';

/** @param line as received, for the transcript; records show `session.line` */
export function execute(
  session: Session,
  command: Command,
  line: string,
): ServerReply | Promise<ServerReply> {
  session.trail.line('client', redactAuth(line));
  switch (command.verb) {
    case 'EHLO':
    case 'HELO':
      return ehlo(session, command);
    case 'MAIL':
      session.subject = { verb: 'MAIL', address: command.address.email };
      return mail(session, command);
    case 'RCPT':
      session.subject = { verb: 'RCPT', address: command.address.email };
      return rcpt(session, command);
    case 'DATA':
      return data(session);
    case 'RSET':
      session.abandonTransaction(null, 'RSET', 'aborted');
      return accept(250, 'Reset state');
    case 'NOOP':
      return accept(250, 'the goggles do nothing');
    case 'QUIT':
      session.abandonTransaction(null, 'QUIT', 'aborted');
      return { ...accept(221, 'So long, and thanks for all the fish!'), then: 'close' };
    case 'STARTTLS':
      return starttls(session);
    case 'AUTH':
      return auth(session, command);
    case 'XCLIENT':
      return xclient(session, command);
    case 'UNIMPLEMENTED':
      return refuse(502, '5.5.1 Command unimplemented', session.line);
    case 'BAD':
      if (command.about) session.subject = { verb: command.about, address: writtenAddress(line) };
      return refuse(command.code, command.text, session.line);
  }
}

/** What a client wrote where an address belongs: `RCPT TO:<nodomain>` is about `nodomain`. */
function writtenAddress(line: string): string {
  const argument = line.slice(line.indexOf(':') + 1).trim();
  return /^<([^>]*)>/.exec(argument)?.[1] ?? argument;
}
