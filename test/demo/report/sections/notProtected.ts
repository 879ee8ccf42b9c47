import { type Html, html } from '@hansa/shared/html';
import { say } from '../bilingual.ts';
import { dictionaries } from '../dictionary/dictionary.ts';

/** What a member is not protected from. */
export function notProtected(): Html {
  return html`<section class="together">
<h2>${say((d) => d.notProtectedHeading)}</h2>
<div class="card"><ul class="warnings">${dictionaries.en.notProtected.map((_, i) => html`<li>${say((d) => d.notProtected[i]!)}</li>`)}</ul></div>
</section>`;
}
