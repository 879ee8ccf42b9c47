/** Text that is already safe to stand in a page. */
export interface Html {
  readonly html: string;
}

type Value = string | number | Html | undefined | readonly Value[];

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function escaped(value: Value): string {
  if (value === undefined) return '';
  if (Array.isArray(value)) return value.map(escaped).join('');
  if (typeof value === 'object') return (value as Html).html;
  return String(value).replace(/[&<>"']/g, (character) => entities[character]!);
}

/** A template whose every inserted text is escaped, in element and attribute alike; only other templates go in as they are. */
export function html(strings: TemplateStringsArray, ...values: Value[]): Html {
  return { html: strings.map((text, i) => text + escaped(values[i])).join('') };
}

/** Marks text of this program's own (style sheets) as safe. Never for anything that was read. */
export function trusted(text: string): Html {
  return { html: text };
}
