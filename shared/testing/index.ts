export { ManualClock } from './manualClock.ts';
export { smallestArchitecture } from './smallestArchitecture.ts';
export { TestApprover } from './testApprover.ts';
