/** Memory that need not wait for the garbage collector. */
export { giveBack } from './giveBack.ts';
