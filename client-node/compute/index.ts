export { type Device, type EngineName, engineNames, missingPart } from '../engines/engine.ts';
export { chooseEngine, describeTimes, type EngineChoice, engineRemedies, measureEngine } from './chooseEngine.ts';
export type { StepTimes } from './exercise.ts';
export { freeMemoryBytes } from './freeMemory.ts';
