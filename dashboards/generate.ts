import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { overview } from './grafana/overview.ts';

/** Where Grafana's provisioning reads the dashboard from. */
const target = fileURLToPath(new URL('./grafana/json/hansa-overview.json', import.meta.url));
writeFileSync(target, `${JSON.stringify(overview(), null, 2)}\n`);
console.log(`Wrote ${target}`);
