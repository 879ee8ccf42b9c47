import { cpus, totalmem } from 'node:os';

/** One figure of a benchmark. For times, ratio = value / against's value in the same unit, so below 1 is better. */
export interface BenchCase {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The case or limit it is held against. */
  readonly against?: string;
  readonly ratio?: number;
  /** The most (`value`, or `ratio` where there is one) that passes. */
  readonly limit?: number;
  readonly pass?: boolean;
}

export interface BenchResult {
  readonly cases: readonly BenchCase[];
  /** Whatever else the benchmark tells, under names of its own. */
  readonly [extra: string]: unknown;
}

/** A figure held to an upper limit in its own unit. */
export function withinLimit(name: string, value: number, unit: string, limit: number): BenchCase {
  return { name, value, unit, against: 'limit', ratio: value / limit, limit, pass: value <= limit };
}

/** The machine a figure belongs to; a figure without it says nothing. */
export function describeMachine() {
  const processors = cpus();
  return {
    processor: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryBytes: totalmem(),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
  };
}
