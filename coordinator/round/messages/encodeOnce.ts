import { encodeMessage, type MessageName, type MessageOf } from '@hansa/shared/protocol/secagg';

/**
 * `encodeMessage`, but a message that goes to one node after the other is encoded once: some hundred signatures to some hundred members would take a
 * tenth of a second of the round.
 */
export function encodeOnce(): (name: MessageName, message: MessageOf<MessageName>) => unknown {
  let last: { readonly message: object; readonly body: unknown } | undefined;
  return (name, message) => {
    if (last?.message !== message) last = { message, body: encodeMessage(name, message as never) };
    return last.body;
  };
}
