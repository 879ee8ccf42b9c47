/**
 * Carries out what a node's reducers ask for: the one interpreter of their effects, for nodes and for everything that simulates one.
 *
 * The driver holds the state. It keeps the effects' order and ends a set-up or draw of which an effect failed; what an effect does in the world is a
 * port's matter, so that no I/O is in here.
 */
export { wipeSecrets } from './carryOut.ts';
export { DrawDriver, type DrawPorts } from './drawDriver.ts';
export { SetupDriver, type SetupPorts } from './setupDriver.ts';
