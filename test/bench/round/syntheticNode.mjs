import { register } from 'tsx/esm/api';

register();
const { main } = await import('./syntheticNode.ts');
process.exitCode = await main(process.argv.slice(2));
