import type { Row } from '../harness/row.ts';
import { row01 } from './row01.ts';
import { row02 } from './row02.ts';
import { row03 } from './row03.ts';
import { row04 } from './row04.ts';
import { row05 } from './row05.ts';
import { row08 } from './row08.ts';

/** The rows of the attack table, in its order. */
export const rows: readonly Row[] = [row01, row02, row03, row04, row05, row08];
