#!/usr/bin/env -S node --max-semi-space-size=1
// The option: a coordinator streams, so what it makes dies young; by default V8 keeps 48 MB for that, a third of all that the process needs.
// The sources are TypeScript: register tsx in this process, then hand over to the composition root.
import { register } from 'tsx/esm/api';

register();
const { main } = await import('../main.ts');
process.exitCode = await main(process.argv.slice(2));
