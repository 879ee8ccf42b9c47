import { phases } from '@hansa/shared/protocol';
import { createLogUpdate } from 'log-update';
import { clock, columns, pilotWords, renderLive, renderOpening } from './render.ts';
import type { ScreenState } from './state.ts';

/** Where the demo shows what happens. */
export interface Screen {
  /** Shows that something changed. */
  update(): void;
  /** Adds a line in plain words. */
  tell(line: string): void;
  /** Ends the live part and leaves these lines as the last thing to read. */
  finish(lines: readonly string[]): void;
}

const framesMs = 250;
/** Without a terminal the opening waits this long after the start for the engine and the addresses, so that it is said once. */
const openingWaitMs = 2_400;

export function createScreen(state: ScreenState, stream: NodeJS.WriteStream): Screen {
  return stream.isTTY === true ? liveScreen(state, stream) : plainScreen(state, stream);
}

function liveScreen(state: ScreenState, stream: NodeJS.WriteStream): Screen {
  const show = createLogUpdate(stream);
  const draw = (): void => show(renderLive(state, Date.now(), Math.max(12, (stream.rows ?? 24) - 1)).join('\n'));
  const timer = setInterval(draw, framesMs);
  draw();
  return {
    update: () => undefined,
    tell: (line) => void state.story.push(line),
    finish: (lines) => {
      clearInterval(timer);
      show.clear();
      show.done();
      stream.write(`${lines.join('\n')}\n`);
    },
  };
}

/** Lines for a log file: the opening, then each thing that happened with the time since the start. */
function plainScreen(state: ScreenState, stream: NodeJS.WriteStream): Screen {
  let opened = false;
  let saidCoordinator = false;
  let saidEngine = false;
  let saidPhase = '';
  const open = (): void => {
    if (opened) return;
    opened = true;
    saidCoordinator = state.coordinator?.ready === true;
    saidEngine = state.engine.tried;
    stream.write(`${renderOpening(state).join('\n')}\n`);
  };
  const timer = setTimeout(open, Math.max(0, openingWaitMs - (Date.now() - state.startedMs)));
  const say = (line: string): void => void stream.write(`${clock(Date.now() - state.startedMs)} ${line}\n`);
  return {
    update: () => {
      if (state.engine.tried && state.coordinator?.ready === true) open();
      if (!opened) return;
      if (!saidCoordinator && state.coordinator?.ready === true) {
        saidCoordinator = true;
        say(`Coordinator answers at ${state.coordinator.address}`);
      }
      if (!saidEngine && state.engine.tried) {
        saidEngine = true;
        say(`Engine: ${state.engine.name} works here`);
      }
      const { running } = state;
      const phase =
        running === undefined
          ? ''
          : `${pilotWords(state)}Round ${running.round} of ${state.rounds}: ${phases[running.phase].words.en}`;
      if (phase !== saidPhase && phase !== '') say(phase);
      saidPhase = phase;
    },
    tell: (line) => {
      open();
      state.story.push(line);
      say(line);
    },
    finish: (lines) => {
      clearTimeout(timer);
      open();
      stream.write(`${'-'.repeat(columns)}\n${lines.join('\n')}\n`);
    },
  };
}
