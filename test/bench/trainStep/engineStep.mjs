import { register } from 'tsx/esm/api';

register();
const { main } = await import('./engineStep.ts');
await main(process.argv.slice(2));
