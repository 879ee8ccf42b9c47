/** Mask expansion on every core: the one place of the package that starts threads, which compute and do nothing else. */
export { MaskThreads } from './maskThreads.ts';
