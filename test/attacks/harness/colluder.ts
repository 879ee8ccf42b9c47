import {
  acceptRoster,
  type ClientEffect,
  type ClientEvent,
  type ClientPolicy,
  type ClientState,
  createMemory,
  step,
  waiting,
} from '@hansa/aggregation/secagg/client';
import { IdentityKey, newIdentitySeed } from '@hansa/shared/crypto';
import { HansaError } from '@hansa/shared/errors';
import type { MessageOf, NodeSetupMessageName, Roster, SetupMessageName } from '@hansa/shared/protocol/secagg';
import { systemRandom } from '@hansa/shared/random';

type SharedState = Extract<ClientState, { readonly phase: 'acknowledged' }>;

/** A member in league with the coordinator: it goes through a set-up as the protocol says, hands over all it knows, and signs whatever it is asked to. */
export class Colluder {
  readonly identity = new IdentityKey(newIdentitySeed(systemRandom));
  state: ClientState = waiting;
  readonly #memory = createMemory();
  readonly #policy: ClientPolicy;

  constructor(policy: ClientPolicy) {
    this.#policy = policy;
  }

  join(roster: Roster): void {
    const accepted = acceptRoster(this.#memory.roster(), roster, this.#policy, this.identity);
    this.#memory.apply({ type: 'roster', roster: accepted });
  }

  /** What it answers to one message of the set-up; nothing where it cannot follow: it is the attacker's own node that is left behind then. */
  answer<Name extends SetupMessageName, Answer extends NodeSetupMessageName>(
    name: Name,
    message: MessageOf<Name>,
    answerName: Answer,
  ): MessageOf<Answer> | undefined {
    if (name === 'open') this.state = waiting;
    const event = { type: 'message', name, message, nowMs: Date.now() } as unknown as ClientEvent;
    const ports = { random: systemRandom, identity: this.identity, memory: this.#memory, policy: this.#policy };
    let effects: readonly ClientEffect[];
    try {
      ({ state: this.state, effects } = step(this.state, event, ports));
    } catch (error) {
      if (error instanceof HansaError) return undefined;
      throw error;
    }
    for (const effect of effects) {
      if (effect.type === 'journal') this.#memory.apply(effect.record);
      if (effect.type === 'send' && effect.name === answerName) return effect.message as MessageOf<Answer>;
    }
    return undefined;
  }

  /** Everything it learned in the set-up that it has gone through to its acknowledgement. */
  get knowledge(): Pick<SharedState, 'secrets' | 'held' | 'cohort'> | undefined {
    return this.state.phase === 'acknowledged' ? this.state : undefined;
  }
}
