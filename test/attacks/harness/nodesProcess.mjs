/** A process that runs only honest nodes; its argument says which (see nodesProcess.ts). */
import { substitute } from './substitute.mjs';

const order = JSON.parse(process.argv[2]);
substitute(order.edits);
const { runNodes } = await import('./nodes.ts');
await runNodes(order.nodes);
