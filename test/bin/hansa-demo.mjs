#!/usr/bin/env node
// The sources are TypeScript: register tsx in this process, then hand over to the composition root.
import { register } from 'tsx/esm/api';

register();
const { main } = await import('../demo/main.ts');
process.exitCode = await main(process.argv.slice(2));
