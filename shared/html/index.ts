import { createHash } from 'node:crypto';

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

/**
 * The head of a page that loads nothing and sends nothing: its one style sheet and its one script are allowed by their hashes.
 *
 * @param script none where undefined
 */
export function pageHead({ title, style, script }: { title: string; style: string; script?: string }): Html {
  const source = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  const scripts = script === undefined ? '' : ` script-src ${source(script)};`;
  const policy = `default-src 'none'; style-src ${source(style)};${scripts} base-uri 'none'; form-action 'none'`;
  return html`<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${trusted(policy)}">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<style>${trusted(style)}</style>
</head>`;
}
