export { listenLocally } from './listenLocally.ts';
export { ManualClock } from './manualClock.ts';
export { smallestArchitecture } from './smallestArchitecture.ts';
export { TestApprover } from './testApprover.ts';
