import { existsSync } from 'node:fs';
import { createLogger, type Logger } from '@hansa/shared/log';
import { type NodeConfig, readNodeConfig } from '../config/nodeConfig.ts';
import { nodeFolder } from '../ledger/nodeFolder.ts';
import type { NodeEvent } from '../session/nodeEvents.ts';
import { runNode } from '../session/runNode.ts';
import { SocketConnection } from '../session/transport/socketConnection.ts';
import { startTrainer } from '../trainer/index.ts';
import type { CommandContext } from './context.ts';
import { logFile } from './logFile.ts';
import { count, type Output } from './output.ts';
import { reportLines } from './reportLines.ts';

/** `run`: takes part in every task until stopped, or with `untilTaskEnds` until one has ended. */
export async function run(
  options: { config: string; untilTaskEnds?: boolean },
  context: CommandContext,
): Promise<number> {
  const { output, clock, random, signal } = context;
  const config = readNodeConfig(options.config);
  const summary = await runNode({
    config,
    clock,
    random,
    log: openLog(config, context),
    signal,
    untilTaskEnds: options.untilTaskEnds ?? false,
    onEvent: narrate(output, () => new Date(clock.now())),
    connect: (options) => new SocketConnection(options),
    startTrainer,
  });
  output.document(summary);
  return summary.ended?.outcome === 'aborted' ? 1 : 0;
}

function openLog(config: NodeConfig, { logLevel }: CommandContext): Logger {
  const folder = nodeFolder(config.folder);
  // A node that is not enrolled has no folder yet; `run` refuses it before it logs anything.
  return existsSync(folder.root)
    ? createLogger('client-node', logLevel, logFile(folder.log))
    : createLogger('client-node', 'silent');
}

/** Prints a line for each event that matters, and progress as a bar. */
function narrate(output: Output, now: () => Date): (event: NodeEvent) => void {
  let isOffline = false;
  const say = (text: string) => output.line(`${now().toTimeString().slice(0, 8)} ${text}`);
  return (event) => {
    switch (event.type) {
      case 'dataReady': {
        const { data, engine } = event;
        for (const { report } of data) {
          for (const line of report.summary) say(`read ${line}`);
          for (const line of reportLines(report, { examples: false })) say(`  ${line}`);
        }
        say(`training engine ${engine.name}: ${engine.reason}`);
        if (engine.better !== undefined) say(`  ${engine.better}`);
        return;
      }
      case 'connected':
        isOffline = false;
        return say(`connected to ${event.address}`);
      case 'disconnected':
        // Once, not at every attempt.
        if (!isOffline) say(`no connection to the coordinator (${event.reason}); trying again until it answers`);
        isOffline = true;
        return;
      case 'rosterPinned':
        return say(
          `roster ${event.epoch}: ${event.members} members, ${event.known} of them known from the first roster`,
        );
      case 'taskAccepted':
        return say(`task ${event.taskId}: ${event.rounds} rounds; its plan fits this node's data and policy`);
      case 'setupOpened':
        return;
      case 'roundStarted':
        return say(`round ${event.round}: ${event.cohort} members have exchanged keys; training`);
      case 'progress':
        return output.progress(`round ${event.round} ${event.stage}`, event.done, event.total);
      case 'trainingRestarted':
        return say(`the training process has ended (${event.reason}); another one takes over`);
      case 'trainingResumed':
        return say(`round ${event.round}: training goes on after step ${event.done} of ${event.total}`);
      case 'stageDone':
        if (event.stage === 'training') return say(`round ${event.round}: trained ${count(event.total)} steps`);
        if (event.stage === 'uploading') return say(`round ${event.round}: sent ${count(event.total)} masked bytes`);
        return;
      case 'roundCommitted':
        return say(
          `round ${event.round} committed: the sum of ${event.survivors} updates, ${event.included ? "this node's among them" : "this node's not among them"}; new model ${event.newModelHash.slice(0, 12)}`,
        );
      case 'roundAbandoned':
        return say(`set-up abandoned (${event.code}): ${event.reason}`);
      case 'evidence': {
        const who = event.member === undefined ? 'the coordinator' : `member ${event.member}`;
        return say(`CAUGHT ${who} contradicting itself: see hansa-client evidence show ${event.id}`);
      }
      case 'refused':
        return event.by === 'node'
          ? say(`refused "${event.name.slice(0, 40)}" (${event.code}): ${event.message}`)
          : say(`the coordinator refused "${event.name}" (${event.code}): ${event.message}`);
      case 'taskEnded':
        return say(`task ${event.taskId} ${event.outcome}; last model ${event.modelHash.slice(0, 12)}`);
    }
  };
}
