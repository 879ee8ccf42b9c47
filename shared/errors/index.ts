export type { ErrorDetails } from './details.ts';
export { HansaError } from './hansaError.ts';
export { fromProblem, type Problem, problemSchema, toProblem } from './problem.ts';
export { type ErrorCode, errorTable } from './table.ts';
