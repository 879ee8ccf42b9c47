/** Edits to source by file address. */
export type Edits = readonly [string, readonly { find: string; replace: string }[]][];

let edits: Edits = [];

/** Records the edits of this process, so that the processes it starts make them too. */
export function takeAway(taken: Edits): void {
  edits = taken;
}

export const takenAway = (): Edits => edits;
