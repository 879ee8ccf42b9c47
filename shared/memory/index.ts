/** Frees memory without waiting for the garbage collector. */
export { giveBack } from './giveBack.ts';
