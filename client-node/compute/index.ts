export { chooseEngine, type EngineChoice } from './chooseEngine.ts';
export { type EngineName, engineNames } from './engine.ts';
