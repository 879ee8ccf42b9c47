import type { Row } from '../harness/row.ts';
import { row01 } from './row01.ts';
import { row02 } from './row02.ts';
import { row03 } from './row03.ts';
import { row04 } from './row04.ts';
import { row05 } from './row05.ts';
import { row06 } from './row06.ts';
import { row07 } from './row07.ts';
import { row08 } from './row08.ts';
import { row09 } from './row09.ts';
import { row10 } from './row10.ts';
import { row11 } from './row11.ts';
import { row12 } from './row12.ts';
import { row13 } from './row13.ts';
import { row14 } from './row14.ts';
import { row15 } from './row15.ts';
import { row16 } from './row16.ts';
import { row17 } from './row17.ts';
import { row18 } from './row18.ts';
import { row19 } from './row19.ts';
import { row20 } from './row20.ts';
import { row21 } from './row21.ts';
import { row22 } from './row22.ts';
import { row23 } from './row23.ts';
import { row24 } from './row24.ts';

/** The rows of the attack table, in its order. */
export const rows: readonly Row[] = [
  row01,
  row02,
  row03,
  row04,
  row05,
  row06,
  row07,
  row08,
  row09,
  row10,
  row11,
  row12,
  row13,
  row14,
  row15,
  row16,
  row17,
  row18,
  row19,
  row20,
  row21,
  row22,
  row23,
  row24,
];
