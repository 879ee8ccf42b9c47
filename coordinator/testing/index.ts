/** A coordinator in this process with toy nodes around it, for tests that cross packages. */
export { TestLeague, testModel } from './testLeague.ts';
export { ToyNode, type ToyNodeOptions } from './toyNode.ts';
