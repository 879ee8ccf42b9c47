import { z } from 'zod';
import { bytesBetween, fixedBytes } from '../bytes.ts';

/** The largest cohort that masks together on the complete graph, and `cohort.maximum` of a task that says nothing; PROTOCOL.md and operations.md name the number. */
export const maxCompleteCohort = 128;

/** The largest cohort that masks together: with it every message stays within the limits of envelope.ts. More members are split into groups. */
export const maxCohortSize = 1000;

/** The most holders of one secret: Shamir's scheme over GF(2^8) has no more x coordinates. */
export const maxHolders = 255;

/** The largest roster of one federation. */
export const maxRosterSize = 4096;

/** The most signatures of members in one newcomer's approval. */
export const maxMemberApprovals = 5;

/** The most numbers in one update: 2^28. */
export const maxVectorLength = 2 ** 28;

/** The most parts of an update that are clipped apart. */
export const maxParts = 16;

/**
 * The least corrupt rate γ of a task off the complete graph, in thousandths. There the quorum does not hide a rate that was told too low, since it is not
 * raised to t: a coordinator that says 0 would have its first two colluders complete two quorums.
 */
export const leastSparseCorruptPermille = 50;

/** The most weights that a task may tell members apart by: 1 to this. */
export const maxWeight = 16;

/** SHA-256, an X25519 or Ed25519 public key, a Shamir share: 32 bytes. */
export const bytes32Schema = fixedBytes(32);

/** An Ed25519 signature: 64 bytes. */
export const signatureSchema = fixedBytes(64);

/** A member's index in the roster: u32. */
export const rosterIndexSchema = z.int().min(0).max(0xffff_ffff);

/** A counter: a whole number that a double holds exactly. */
export const counterSchema = z.int().min(0);

/** A set of the cohort's members, a bit for each in the cohort's order (see bitmap.ts). */
export const bitmapSchema = bytesBetween(1, maxCohortSize / 8);
