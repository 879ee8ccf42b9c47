import { type Html, html } from '@hansa/shared/html';
import { dictionaries } from './dictionary/dictionary.ts';
import type { Dictionary } from './dictionary/english.ts';

type Text = (dictionary: Dictionary) => string;

/** A text in both languages, inside a line. The switch shows one of them. */
export function say(text: Text): Html {
  return html`<span class="en" lang="en">${text(dictionaries.en)}</span><span class="zh" lang="zh-Hans">${text(dictionaries.zh)}</span>`;
}

/** A label in both languages inside a drawing. */
export function label(x: number, y: number, text: Text, className = '', anchor = 'start'): Html {
  const one = (language: 'en' | 'zh', lang: string): Html =>
    html`<text class="${language} ${className}" lang="${lang}" x="${rounded(x)}" y="${rounded(y)}" text-anchor="${anchor}">${text(dictionaries[language])}</text>`;
  return html`${one('en', 'en')}${one('zh', 'zh-Hans')}`;
}

/** A drawing's coordinate: a tenth of a pixel is finer than anyone sees. */
export function rounded(value: number): string {
  return String(Math.round(value * 10) / 10);
}
