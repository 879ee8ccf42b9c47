export { readNodeConfig } from '../config/nodeConfig.ts';
export { enrolNode } from './enrolNode.ts';
export { runNode } from './runNode.ts';
export { SocketConnection } from './transport/socketConnection.ts';
