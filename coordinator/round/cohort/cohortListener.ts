/** What a cohort's driver calls as the cohort goes on. */
export interface CohortListener {
  /** The stage or deadline of the cohort, or the stage of a member, has changed. */
  changed(): void;
  /** Awaited before a U3 is sent to the first node: from then on it may sign. */
  beforeSigning(): Promise<void>;
  /** The masks can be removed from the sum; `publish` or `abort` must follow. */
  unmaskable(): void;
  /** The cohort is over, and every node that waits for its outcome has been sent it. */
  ended(): Promise<void>;
}
