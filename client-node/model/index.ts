export { initialWeights } from './initialise.ts';
export { type Model, readModelFile, writeModelFile } from './modelFile.ts';
