import { jobNames } from '@hansa/shared/model';
import { z } from 'zod';
import { jobSource } from '../../jobs/sources.ts';
import { nodeConfigSchema } from '../nodeConfig.ts';

/** A key as JSON Schema describes it, as far as the page shows it. */
interface Described {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly properties?: Readonly<Record<string, Described>>;
  readonly required?: readonly string[];
  readonly items?: Described;
  readonly additionalProperties?: boolean | Described;
  readonly anyOf?: readonly Described[];
}

/** A row of the page. */
export interface KeyRow {
  readonly path: string;
  readonly takes: string;
  readonly isRequired: boolean;
  readonly fallback: unknown;
  readonly meaning: string | undefined;
}

const described = (schema: z.ZodType): Described =>
  z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Described;

/** Every key of a schema, those inside others after them. */
export function keysOf(schema: z.ZodType, before = ''): KeyRow[] {
  return rowsOf(described(schema), before);
}

function rowsOf({ properties = {}, required = [] }: Described, before: string): KeyRow[] {
  return Object.entries(properties).flatMap(([key, value]) => {
    const path = before === '' ? key : `${before}.${key}`;
    const inside = value.items?.properties !== undefined ? rowsOf(value.items, `${path}[]`) : rowsOf(value, path);
    const row = {
      path,
      takes: takes(value),
      isRequired: required.includes(key) && value.default === undefined,
      fallback: value.default,
      meaning: value.description,
    };
    return [row, ...inside];
  });
}

function takes(value: Described): string {
  const { type, minimum, maximum, exclusiveMinimum } = value;
  if (value.const !== undefined) return `\`${JSON.stringify(value.const)}\``;
  if (value.enum !== undefined) return value.enum.map((one) => `\`${JSON.stringify(one)}\``).join(', ');
  if (value.properties !== undefined) return 'an object';
  if (value.items !== undefined) return 'a list';
  if (value.additionalProperties !== undefined && value.additionalProperties !== false) return 'an object of names';
  const low = minimum ?? (exclusiveMinimum === undefined ? undefined : `above ${exclusiveMinimum}`);
  const range =
    low === undefined && maximum === undefined
      ? ''
      : ` ${[low, maximum].filter((one) => one !== undefined).join(' to ')}`;
  switch (type) {
    case 'integer':
      return `a whole number${range}`;
    case 'number':
      return `a number${range}`;
    case 'string':
      return 'a text';
    case 'boolean':
      return 'true or false';
    default:
      return '';
  }
}

/** The reference of a node's configuration as Markdown, made from the schemas that refuse a wrong one. */
export function nodeConfigPage(): string {
  const sections = [
    section('All keys but those of the data', keysOf(nodeConfigSchema)),
    ...jobNames.map((job) => section(`An entry under \`data\` for ${job}`, keysOf(jobSource(job).config, 'data[]'))),
  ];
  return `# Keys of node.json

Made from the schemas that check the file: \`npm run node-config\`. A single entry under \`data\` may stand without a list. What a key is for also stands where it is refused.

${sections.join('\n')}`;
}

function section(title: string, rows: readonly KeyRow[]): string {
  const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
  return `## ${title}

| key | takes | without it | what it is for |
| --- | --- | --- | --- |
${rows
  .map(({ path, takes: taken, isRequired, fallback, meaning }) => {
    const without = isRequired
      ? 'refused'
      : fallback === undefined || path === 'data'
        ? ''
        : `\`${JSON.stringify(fallback)}\``;
    return `| \`${path}\` | ${cell(taken)} | ${cell(without)} | ${cell(meaning ?? '')} |`;
  })
  .join('\n')}
`;
}
