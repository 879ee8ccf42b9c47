export { type RandomSource, systemRandom } from './randomSource.ts';
export { seededRandom } from './seededRandom.ts';
