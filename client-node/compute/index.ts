export { chooseEngine, type EngineChoice, engineRemedies, measureEngine } from './chooseEngine.ts';
export { type EngineName, engineNames, missingPart } from './engine.ts';
