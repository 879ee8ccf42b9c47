export { readNodeConfig } from '../config/nodeConfig.ts';
export { enrolNode } from './enrolNode.ts';
export { runNode } from './runNode.ts';
export { Connection } from './transport/connection.ts';
