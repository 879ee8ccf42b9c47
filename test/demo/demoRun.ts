import type { ProcessGroup } from './league/childProcess.ts';
import type { Coordinator, Node } from './league/league.ts';
import type { Screen } from './screen/screen.ts';
import type { ScreenState } from './screen/state.ts';
import type { TrainingSettings } from './settings.ts';

/** What every part of a run of the demo works with. */
export interface DemoRun {
  readonly state: ScreenState;
  readonly screen: Screen;
  readonly processes: ProcessGroup;
  readonly signal: AbortSignal;
  readonly training: TrainingSettings;
}

/** What all tasks of a run share. */
export interface League {
  readonly coordinator: Coordinator;
  readonly nodes: readonly Node[];
  /** Model that every task starts from. */
  readonly modelHash: string;
}
