/** What a cohort's driver calls as the cohort goes on. */
export interface CohortListener {
  /** Where the cohort or one of its members is has changed. */
  changed(): void;
  /** Awaited before the first node hears of a U3: from there on it may sign. */
  beforeSigning(): Promise<void>;
  /** The masks of the sum can be taken away; `publish` or `abort` must follow. */
  unmaskable(): void;
  /** The cohort is over and every node that waits was told. */
  ended(): Promise<void>;
}
