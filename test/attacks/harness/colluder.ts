import {
  acceptRoster,
  type ClientEvent,
  type ClientPolicy,
  type ClientState,
  createMemory,
} from '@hansa/aggregation/secagg/client';
import { SetupDriver, type SetupPorts } from '@hansa/aggregation/secagg/driver';
import { IdentityKey, newIdentitySeed } from '@hansa/shared/crypto';
import { HansaError } from '@hansa/shared/errors';
import type { MessageOf, NodeSetupMessageName, Roster, SetupMessageName } from '@hansa/shared/protocol/secagg';
import { systemRandom } from '@hansa/shared/random';

/** A message and its name. */
interface Sent {
  readonly name: NodeSetupMessageName;
  readonly message: unknown;
}

const nothing = (): void => undefined;

/** A member that colludes with the coordinator: it follows the protocol through a set-up, gives all it knows to the coordinator, and signs anything. */
export class Colluder {
  readonly identity = new IdentityKey(newIdentitySeed(systemRandom));
  readonly #memory = createMemory();
  readonly #policy: ClientPolicy;
  readonly #sent: Sent[] = [];
  #driver: SetupDriver;

  constructor(policy: ClientPolicy) {
    this.#policy = policy;
    this.#driver = this.#newDriver();
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
    if (name === 'open') this.#driver = this.#newDriver();
    this.#sent.length = 0;
    try {
      this.#driver.applyNow({ type: 'message', name, message, nowMs: Date.now() } as unknown as ClientEvent);
    } catch (error) {
      if (error instanceof HansaError) return undefined;
      throw error;
    }
    return this.#sent.find((one) => one.name === answerName)?.message as MessageOf<Answer> | undefined;
  }

  get state(): ClientState {
    return this.#driver.state;
  }

  /** All that it knows of the set-up, once it has acknowledged its shares. */
  get knowledge() {
    const { state } = this;
    return state.phase === 'acknowledged' ? state : undefined;
  }

  #newDriver(): SetupDriver {
    const ports: SetupPorts = {
      journal: ({ record }) => this.#memory.apply(record),
      send: (effect) => void this.#sent.push(effect),
      evidence: nothing,
      prepareRound: nothing,
      expandMasks: nothing,
      mask: nothing,
      upload: nothing,
      // What it knows is the attacker's to keep.
      wipe: nothing,
      closed: nothing,
      failed: nothing,
    };
    return new SetupDriver(
      { random: systemRandom, identity: this.identity, memory: this.#memory, policy: this.#policy },
      ports,
    );
  }
}
