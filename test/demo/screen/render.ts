import { memberStageWord, phases, roundPhases } from '@hansa/shared/protocol';
import { dictionaries } from '../report/dictionary/dictionary.ts';
import type { Verdict } from '../verdict.ts';
import type { Activity, MerchantState, ScreenState } from './state.ts';

const { en } = dictionaries;

/** The screen is laid out for this many columns; a wider terminal keeps the rest empty. */
export const columns = 80;

/** Characters of a line; every character that the screen uses is one column wide, but for CJK names. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text)
    width += /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u.test(
      character,
    )
      ? 2
      : 1;
  return width;
}

/** Cuts to at most `width` columns, with an ellipsis where something was cut; control characters become spaces. */
export function fit(text: string, width: number): string {
  // A merchant's name comes from its file: it must not be able to move the cursor.
  const clean = text.replace(/\p{Cc}/gu, ' ');
  if (widthOf(clean) <= width) return clean;
  let result = '';
  for (const character of clean) {
    if (widthOf(result + character) > width - 1) break;
    result += character;
  }
  return `${result}…`;
}

function pad(text: string, width: number): string {
  const cut = fit(text, width);
  return cut + ' '.repeat(width - widthOf(cut));
}

function wrap(text: string, width: number, indent = ''): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && widthOf(line) + 1 + widthOf(word) > width) {
      lines.push(line);
      line = indent + word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].map((each) => fit(each, width));
}

export function clock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  return `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`;
}

function bar(done: number, total: number, width: number): string {
  const full = total > 0 ? Math.round((Math.min(done, total) / total) * width) : 0;
  return `[${'#'.repeat(full)}${'.'.repeat(width - full)}]`;
}

function activityText(activity: Activity): string {
  switch (activity.kind) {
    case 'starting':
      return 'starting';
    case 'ready':
      return 'ready';
    case 'killed':
      return 'KILLED (SIGKILL)';
    case 'restarting':
      return 'restarting';
    case 'evaluated':
      return 'compared';
    case 'evaluating':
      return 'comparing forecasts';
    case 'member':
      return activity.total > 0 && (activity.stage === 'training' || activity.stage === 'uploading')
        ? `${memberStageWord(activity.stage)} ${bar(activity.done, activity.total, 10)}`
        : memberStageWord(activity.stage);
  }
}

/** The first view: what runs where, before anything is trained. */
export function renderOpening(state: ScreenState): string[] {
  const { name, reason, tried } = state.engine;
  const engine = `${name}${tried ? '' : ', being tried'} (${reason})`;
  const minutes = state.expectedMinutes === undefined ? '' : ` · about ${state.expectedMinutes} min`;
  return [
    `HANSA · ${state.merchants.length} merchants train one model and show nobody their orders`,
    ...wrap(`Engine: ${engine}`, columns, '  ').slice(0, 3),
    `Machine: ${state.cores} cores${minutes}`,
    coordinatorLine(state),
  ].map((line) => fit(line, columns));
}

/** Where the coordinator and its metrics are, with the word 'starting' until it answers. */
function coordinatorLine({ coordinator }: ScreenState): string {
  if (coordinator === undefined) return 'Coordinator: starting';
  const { address, ready } = coordinator;
  return ready
    ? `Coordinator: ${address} · metrics: ${address}/metrics`
    : `Coordinator: ${address}, starting · metrics: /metrics there`;
}

function merchantLine({ id, rows, activity, bytesSent, bytesSendingNow }: MerchantState): string {
  const stayed = rows === undefined ? 'counting' : `${en.number(rows)} rows`;
  const left = bytesSent + bytesSendingNow;
  return `${pad(id, 15)} ${pad(stayed, 15)} ${pad(activityText(activity), 22)} ${left === 0 ? 'nothing yet' : `${en.bytes(left)}, unreadable alone`}`;
}

/** The live screen, at most `height` lines of at most 80 columns; when merchants do not fit, those that are busy are shown. */
export function renderLive(state: ScreenState, nowMs: number, height: number): string[] {
  const lines = renderOpening(state);
  const elapsed = clock(nowMs - state.startedMs);
  lines.push('');
  if (state.running !== undefined) {
    const { round, attempt, phase } = state.running;
    const again = attempt > round ? `, attempt ${attempt}` : '';
    const at = roundPhases.indexOf(phase);
    const steps = roundPhases.map((name, i) => {
      const { short } = phases[name].words;
      return i < at ? `${short} ok` : i === at ? `>${short}<` : short;
    });
    lines.push(
      `${pilotWords(state)}Round ${round} of ${state.rounds}${again} · ${lossText(state)} · ${elapsed}`,
      `  ${steps.join(' · ')}`,
    );
  } else {
    const words = {
      starting: 'Starting the coordinator and the nodes',
      training: 'Between two rounds',
      evaluating: 'Every merchant compares four forecasts on its own hold-out',
      reporting: 'Writing the report',
    };
    lines.push(`${words[state.stage]} · ${lossText(state)} · ${elapsed}`, '');
  }
  lines.push('', `${pad('merchant', 15)} ${pad('stayed', 15)} ${pad('now', 22)} left`);
  const story = state.story.slice(-8).flatMap((line) => wrap(`- ${line}`, columns, '  '));
  const room = Math.max(3, height - lines.length - Math.min(story.length, 6) - 2);
  const shown = state.merchants.length <= room ? state.merchants : busiest(state.merchants, room - 1);
  lines.push(...shown.map(merchantLine));
  if (shown.length < state.merchants.length) lines.push(`  and ${state.merchants.length - shown.length} more`);
  const left = height - lines.length - 1;
  if (story.length > 0 && left > 0) lines.push('', ...story.slice(-left));
  return lines.map((line) => fit(line, columns)).slice(0, height);
}

function busiest(merchants: readonly MerchantState[], count: number): MerchantState[] {
  const urgency = ({ activity }: MerchantState): number =>
    activity.kind === 'killed' || activity.kind === 'restarting'
      ? 0
      : activity.kind === 'member' && activity.stage !== 'committed'
        ? 1
        : 2;
  return [...merchants].sort((a, b) => urgency(a) - urgency(b)).slice(0, count);
}

/** 'Pilot 1 of 2, learning rate 0.001: ', or nothing outside a pilot. */
export function pilotWords({ pilot }: ScreenState): string {
  return pilot === undefined ? '' : `Pilot ${pilot.number} of ${pilot.count}, learning rate ${pilot.learningRate}: `;
}

function lossText({ losses }: ScreenState): string {
  const first = losses[0];
  const last = losses.at(-1);
  if (first === undefined || last === undefined) return 'no loss yet';
  return losses.length === 1 ? `loss ${last.toFixed(4)}` : `loss ${first.toFixed(4)} -> ${last.toFixed(4)}`;
}

export interface Ending {
  readonly verdict: Verdict;
  readonly committed: number;
  readonly rounds: number;
  readonly sumExact: boolean;
  /** The merchant that the demo killed, and whether a later round holds its update. */
  readonly killed: { readonly id: string; readonly cameBack: boolean } | undefined;
  readonly totalMs: number;
  /** Paths as a person would type them. */
  readonly model: string;
  readonly records: string;
  readonly report: string;
  /** Present with --keep: what still runs. */
  readonly kept: { readonly coordinator: string; readonly stop: string } | undefined;
  readonly commands: readonly { readonly what: string; readonly command: string }[];
}

/** The last screen: at most 80 columns, at most 23 lines, so that the prompt still fits beneath. */
export function renderEnding(ending: Ending): string[] {
  const { verdict } = ending;
  const heading = verdict.helped ? en.verdictHelped : en.verdictDidNotHelp;
  const lines = [
    `${verdict.helped ? 'YES' : 'NO'} · ${heading}.`,
    ...wrap(en.verdictFirst(verdict), columns),
    ...wrap(en.verdictSecond(verdict), columns),
    '',
  ];
  lines.push(...changeLines(verdict), '');
  const exact = ending.sumExact ? 'every sum exact' : 'A SUM WAS NOT EXACT';
  lines.push(`${ending.committed} of ${ending.rounds} rounds committed · ${exact} · ${clock(ending.totalMs)}`);
  if (ending.killed !== undefined) {
    const { id, cameBack } = ending.killed;
    lines.push(
      `${id} was killed on purpose${cameBack ? ' and took part again in the next round' : '; it did not take part again'}`,
    );
  }
  if (ending.kept !== undefined)
    lines.push(`Running ${ending.kept.coordinator} (metrics at /metrics)`, `Stop    ${ending.kept.stop}`);
  const names = { Model: ending.model, Rounds: ending.records, Report: ending.report };
  for (const [name, path] of Object.entries(names)) lines.push(`${name.padEnd(7)} ${path}`);
  lines.push('', 'Next:');
  for (const { what, command } of ending.commands) lines.push(`  ${pad(what, 21)} ${command}`);
  const spare = lines.length - 23;
  const blank = lines
    .map((line, i) => (line === '' ? i : -1))
    .filter((i) => i >= 0)
    .slice(0, Math.max(0, spare));
  return lines
    .filter((_, i) => !blank.includes(i))
    .slice(0, 23)
    .map((line) => fit(line.replaceAll('\u00a0', ' '), columns));
}

/** Each merchant's change in two columns, best first, the worst always among them. */
function changeLines({ againstLocal }: Verdict): string[] {
  const shown = againstLocal.length <= 6 ? againstLocal : [...againstLocal.slice(0, 5), againstLocal.at(-1)!];
  const cells = shown.map(
    ({ id, percent }) =>
      `${percent < 0 ? 'better' : percent > 0 ? 'worse ' : 'same  '} ${pad(id, 18)} ${en.change(percent).padStart(9)}`,
  );
  const half = Math.ceil(cells.length / 2);
  return Array.from(
    { length: half },
    (_, i) => `  ${cells[i]}${cells[i + half] === undefined ? '' : `   ${cells[i + half]}`}`,
  );
}

export interface Failure {
  /** 'FAILED: the node of merchant-3', or 'BAD INPUT'. */
  readonly heading: string;
  readonly why: string;
  /** Where to read more. */
  readonly log: string | undefined;
}

/** What is said when the demo fails. Paths are not broken: a person copies them. */
export function renderFailure({ heading, why, log }: Failure): string[] {
  return [heading, ...why.split('\n').map((line) => `  ${line}`), ...(log === undefined ? [] : [`Its log: ${log}`])];
}
