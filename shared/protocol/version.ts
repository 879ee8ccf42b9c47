import { HansaError } from '../errors/index.ts';

/** The protocol version this build speaks. One version at a time: both sides must name the same. */
export const PROTOCOL_VERSION = 2;

/**
 * Refuses a peer that speaks another protocol version.
 *
 * @param sides names of this side and of the other, in the words of the operator of either: the other side reads the refusal
 * @throws HansaError UnsupportedProtocolVersion (naming both versions and which side must be updated)
 */
export function assertProtocolVersion(theirs: unknown, sides: { readonly own: string; readonly peer: string }): void {
  const { own, peer } = sides;
  if (theirs === PROTOCOL_VERSION) return;
  const shown = Number.isSafeInteger(theirs) ? String(theirs) : 'none that is a number';
  const remedy =
    typeof theirs === 'number' && theirs > PROTOCOL_VERSION ? `update ${own}` : `update ${peer} to the same release`;
  throw new HansaError(
    'UnsupportedProtocolVersion',
    `Hansa protocol versions differ: ${own} speaks ${PROTOCOL_VERSION}, ${peer} speaks ${shown}: ${remedy}.`,
    { ours: PROTOCOL_VERSION, theirs: shown },
  );
}
