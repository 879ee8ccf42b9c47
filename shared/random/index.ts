export { type RandomSource, systemRandom } from './randomSource.ts';
export { type SeededNumbers, seededNumbers } from './seededNumbers.ts';
export { seededRandom } from './seededRandom.ts';
export { uniformInt } from './uniformInt.ts';
