import { type Html, html } from '@hansa/shared/html';
import { say } from '../bilingual.ts';

export type Say = Parameters<typeof say>[0];

/** A named fact in a list; one that is the same in every language is given as it is. */
export function fact(name: Say, value: Say | Html): Html {
  return html`<dt>${say(name)}</dt><dd>${typeof value === 'function' ? say(value) : value}</dd>`;
}
