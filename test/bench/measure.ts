/** What is measured here: every call does the same work. */
export interface Candidate {
  readonly name: string;
  run(): void;
}

/** What is measured in another process, which tells the nanoseconds of processor time it took. */
export interface RemoteCandidate {
  readonly name: string;
  askNs(): Promise<number>;
}

/** Nanoseconds of processor time that one call took, over all repeats. */
export interface Timing {
  readonly leastNs: number;
  readonly medianNs: number;
}

/**
 * Times candidates in alternation, so that other load on the machine affects all of them equally; each is called twice beforehand.
 *
 * Processor time, of all of a process's threads: on an idle machine that is the time of work on one core, on a busy one it leaves out the waiting.
 * The least is what the work costs, since other processes only ever add to it; the median tells how much they did.
 */
export async function measure(
  candidates: readonly (Candidate | RemoteCandidate)[],
  repeats: number,
): Promise<ReadonlyMap<string, Timing>> {
  const times = new Map(candidates.map(({ name }) => [name, [] as number[]]));
  for (let repeat = -2; repeat < repeats; repeat++)
    for (const candidate of candidates) {
      const tookNs = 'run' in candidate ? timed(candidate) : await candidate.askNs();
      if (repeat >= 0) times.get(candidate.name)!.push(tookNs);
    }
  return new Map([...times].map(([name, all]) => [name, timingOf(all)]));
}

function timed({ run }: Candidate): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) * 1000;
}

function timingOf(timesNs: readonly number[]): Timing {
  const sorted = timesNs.toSorted((left, right) => left - right);
  return { leastNs: sorted[0]!, medianNs: sorted[sorted.length >> 1]! };
}
