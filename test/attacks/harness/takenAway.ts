/** Edits to source by file address. */
export type Edits = readonly [string, readonly { find: string; replace: string }[]][];

let edits: Edits = [];

/** Notes what this process does without, so that the processes it starts do without it too. */
export function takeAway(taken: Edits): void {
  edits = taken;
}

export const takenAway = (): Edits => edits;
