export { exportModel } from './exportModel.ts';
export { importModel } from './importModel.ts';
