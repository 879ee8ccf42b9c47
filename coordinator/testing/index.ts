/** A coordinator in this process with toy nodes around it, for tests that cross packages. */
export { TestLeague, testModel, testTask } from './testLeague.ts';
export { ToyNode, type ToyNodeOptions } from './toyNode.ts';
