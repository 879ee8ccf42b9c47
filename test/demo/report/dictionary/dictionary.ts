import { chinese } from './chinese.ts';
import { english } from './english.ts';

/** Every text of the report, by language. */
export const dictionaries = { en: english, zh: chinese } as const;
