export { type RandomSource, systemRandom } from './randomSource.ts';
export { seededRandom } from './seededRandom.ts';
export { uniformInt } from './uniformInt.ts';
