export { ManualClock } from './manualClock.ts';
export { TestApprover } from './testApprover.ts';
