export { chooseEngine, type EngineChoice, measureEngine } from './chooseEngine.ts';
export { type EngineName, engineNames, missingPart } from './engine.ts';
