import { fileURLToPath } from 'node:url';

/** The checkout's root. */
export const repositoryRoot = fileURLToPath(new URL('../../', import.meta.url));
