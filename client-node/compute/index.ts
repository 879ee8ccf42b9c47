export { chooseEngine, type EngineChoice } from './chooseEngine.ts';
export { type EngineName, engineNames, missingPart } from './engine.ts';
