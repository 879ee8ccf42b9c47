import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { nodeConfigPage } from './nodeConfigPage.ts';

const target = fileURLToPath(new URL('../../../docs/node-config.md', import.meta.url));
writeFileSync(target, nodeConfigPage());
console.log(`Wrote ${target}`);
