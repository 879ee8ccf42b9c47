/** A real coordinator in this process with toy nodes around it, for tests that cross packages. */
export { ToyLeague, testModel, testTask } from './toyLeague.ts';
export { ToyNode, type ToyNodeOptions } from './toyNode.ts';
