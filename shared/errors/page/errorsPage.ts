import type { ErrorEntry, Reader } from '../codes/errorEntry.ts';
import { identityErrors } from '../codes/identityErrors.ts';
import { inputErrors } from '../codes/inputErrors.ts';
import { machineErrors } from '../codes/machineErrors.ts';
import { refusalErrors } from '../codes/refusalErrors.ts';
import { roundErrors } from '../codes/roundErrors.ts';
import { transportErrors } from '../codes/transportErrors.ts';
import { detailFields } from '../details.ts';

type Group = Readonly<Record<string, ErrorEntry>>;

const groups: readonly (readonly [title: string, codes: Group])[] = [
  ['Files, settings and commands', inputErrors],
  ['Identity and enrolment', identityErrors],
  ['Messages and connections', transportErrors],
  ['Secure aggregation: what is refused', refusalErrors],
  ['Secure aggregation: why a round is abandoned', roundErrors],
  ['The machine', machineErrors],
];

const introduction = `# Error codes

Every error that a person or a peer can act on has one of these codes. A command prints its message, which says what is wrong, where, and what to do; with
\`--json\` it prints a problem document (RFC 9457). Node and coordinator send each other the same documents:

\`\`\`json
{
  "type": "urn:hansa:error:WrongLength",
  "title": "WrongLength",
  "status": 400,
  "detail": "Member 3 announces 4100 bytes; a vector of this task has 4096.",
  "code": "WrongLength",
  "retry": false,
  "details": { "culprit": 3 }
}
\`\`\`

**HTTP** is the status of an answer over HTTP. **Exit** is the exit status of a command: 1 the command failed, 2 its input or environment was wrong; a command that
was interrupted exits with 130. **Retry** says when the same call can succeed without a change; where it is empty, change something first.
A *node operator* runs a merchant's node, the *admin* the coordinator; a *programmer* writes software that uses the
[protocol](../shared/protocol/PROTOCOL.md).

\`npm run errors\` writes this page from the table in \`shared/errors\`.
`;

const readers: readonly Reader[] = ['node operator', 'admin', 'programmer'];

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
const cell = (text: string): string => text.replaceAll('|', '\\|');

function remediesOf({ remedies }: ErrorEntry): string {
  const named = readers.filter((reader) => remedies[reader] !== undefined);
  const sameForAll = new Set(named.map((reader) => remedies[reader])).size === 1;
  if (sameForAll) return `*${capital(named.join(', '))}:* ${remedies[named[0]!]}`;
  return named.map((reader) => `*${capital(reader)}:* ${remedies[reader]}`).join('<br>');
}

const row = (code: string, entry: ErrorEntry): string =>
  `| \`${code}\` | ${[entry.means, remediesOf(entry), entry.retryWhen === undefined ? '' : `when ${entry.retryWhen}`].map(cell).join(' | ')} | ${entry.status} | ${entry.exitStatus} |`;

const tableOf = (title: string, codes: Group): string =>
  [
    `## ${title}`,
    '',
    '| code | meaning | what to do | retry | HTTP | exit |',
    '| --- | --- | --- | --- | --- | --- |',
    ...Object.keys(codes)
      .sort()
      .map((code) => row(code, codes[code]!)),
    '',
  ].join('\n');

function detailsTable(): string {
  const rows = Object.entries(detailFields)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([code, fields]) =>
      Object.entries(fields).map(
        ([name, schema]) => `| \`${code}\` | \`${name}\` | ${cell(schema.description ?? '')} |`,
      ),
    );
  return [
    '## Details',
    '',
    'What `details` may hold, by code. Every field may be absent. In an error from a peer, a field that is not listed or has another type is dropped.',
    '',
    '| code | field | what it is |',
    '| --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

/** docs/errors.md: every code with its meaning and remedy, in Markdown. */
export const errorsPage = (): string =>
  [introduction, ...groups.map(([title, codes]) => tableOf(title, codes)), detailsTable()].join('\n');
