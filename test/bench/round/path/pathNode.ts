import type { ClientEffect, ClientEvent } from '@hansa/aggregation/secagg/client';
import { SetupDriver, type SetupPorts, wipeSecrets } from '@hansa/aggregation/secagg/driver';
import { leagueNowMs, type SimulatedNode } from '@hansa/aggregation/secagg/testing';
import { decodeMessage, type SetupMessageName } from '@hansa/shared/protocol/secagg';
import type { Journal } from '../../../../client-node/ledger/journal.ts';
import { timed } from './timing.ts';

/** A node from M3 on: its steps are timed, with their records forced to disk; what its other effects ask for, the benchmark does. */
export class PathNode {
  readonly node: SimulatedNode;
  readonly #driver: SetupDriver;
  #asked: ClientEffect[] = [];

  /** @param node its set-up is made and no round started */
  constructor(node: SimulatedNode, journal: Journal) {
    this.node = node;
    const ask = (effect: ClientEffect): void => void this.#asked.push(effect);
    const ports: SetupPorts = {
      journal: async ({ record }) => {
        await journal.append(record);
        node.memory.apply(record);
      },
      wipe: wipeSecrets,
      send: ask,
      evidence: ask,
      expandMasks: ask,
      prepareRound: ask,
      mask: ask,
      upload: ask,
      closed: ask,
      failed: () => undefined,
    };
    this.#driver = new SetupDriver(node.reducerPorts, ports, node.state);
  }

  /** A message as it came: what the node was asked to do for it. */
  receive(name: SetupMessageName, wire: string): Promise<Step> {
    return this.apply(
      () =>
        ({ type: 'message', name, message: decodeMessage(name, JSON.parse(wire)), nowMs: leagueNowMs }) as ClientEvent,
    );
  }

  async apply(event: () => ClientEvent): Promise<Step> {
    this.#asked = [];
    const { tookMs } = await timed(() => this.#driver.apply(event()));
    return new Step(this.#asked, tookMs);
  }
}

/** What a step of a node's reducer asks for, and how long it took. */
export class Step {
  readonly tookMs: number;
  readonly #effects: readonly ClientEffect[];

  constructor(effects: readonly ClientEffect[], tookMs: number) {
    this.#effects = effects;
    this.tookMs = tookMs;
  }

  /** @throws RangeError (when the step asks for nothing of that type) */
  effect<Type extends ClientEffect['type']>(type: Type): Extract<ClientEffect, { readonly type: Type }> {
    const found = this.#effects.find((effect): effect is Extract<ClientEffect, { type: Type }> => effect.type === type);
    if (found === undefined) throw new RangeError(`a node's reducer did not ask for "${type}"`);
    return found;
  }
}
