export { type Device, type EngineName, engineNames, missingPart } from '../engines/engine.ts';
export { chooseEngine, type EngineChoice, engineRemedies, measureEngine } from './chooseEngine.ts';
