import { setImmediate as nextTurn } from 'node:timers/promises';
import type {
  ClientEffect,
  ClientEvent,
  ClientOutcome,
  ClientPorts,
  JournalRecord,
  MaskPlan,
} from '@hansa/aggregation/secagg/client';
import { SetupDriver, type SetupPorts, wipeSecrets } from '@hansa/aggregation/secagg/driver';
import { maskedTiles, rotationSeed, type TailValues, updateOf } from '@hansa/aggregation/secagg/encoding';
import { uploadTicketSchema } from '@hansa/shared/protocol';
import { encodeMessage, type SecAggConfig } from '@hansa/shared/protocol/secagg';

/** A set-up's node. */
export interface ToySetupNode {
  readonly reducer: ClientPorts;
  journal(record: JournalRecord): void;
  readonly tail: TailValues;
  /** The update of a round. */
  update(round: number, config: SecAggConfig): Float32Array;
  /** Awaited before whatever takes time; where it throws, that is not done. */
  before(effect: ClientEffect): void | Promise<void>;
  send(name: string, body: unknown): Promise<unknown>;
  upload(path: string, bytes: Uint8Array): Promise<void>;
  /** Downloads a model by its hash, hexadecimal. */
  download(hash: string): Promise<void>;
  closed(outcome: ClientOutcome): void;
}

/**
 * One set-up of a toy node: the driver, and what its effects do in the world.
 *
 * Messages are answered at once; what takes time (sending, downloading, masking, uploading) is done in order beside them. What fails there is lost.
 */
export class ToySetup {
  readonly sid: Uint8Array;
  readonly driver: SetupDriver;
  readonly #node: ToySetupNode;
  #work: Promise<void> = Promise.resolve();
  #round: Extract<ClientEffect, { readonly type: 'prepareRound' }> | undefined;
  #masks: MaskPlan | undefined;
  #vector: Uint8Array = new Uint8Array(0);

  constructor(sid: Uint8Array, node: ToySetupNode) {
    this.sid = sid;
    this.#node = node;
    this.driver = new SetupDriver(node.reducer, this.#ports());
  }

  /** @throws HansaError (which refuses the event) */
  apply(event: ClientEvent): void {
    this.driver.applyNow(event);
  }

  #ports(): SetupPorts {
    const node = this.#node;
    return {
      journal: ({ record }) => node.journal(record),
      evidence: () => undefined,
      send: (effect) => {
        const body = encodeMessage(effect.name, effect.message);
        this.#begin(effect, () => node.send(effect.name, body));
      },
      expandMasks: ({ plan }) => {
        this.#masks = plan;
      },
      prepareRound: (effect) => {
        this.#round = effect;
        this.#begin(effect, async () => {
          await node.download(Buffer.from(effect.modelHash).toString('hex'));
          this.apply({ type: 'prepared', modelHash: effect.modelHash, nowMs: Date.now() });
        });
      },
      mask: (effect) => this.#begin(effect, () => this.#mask()),
      upload: (effect) => this.#begin(effect, () => this.#upload(effect)),
      // After what was begun before it, which may show them to `before`.
      wipe: (effect) => {
        this.#work = this.#work.then(() => wipeSecrets(effect));
      },
      closed: ({ outcome }) => node.closed(outcome),
      failed: () => undefined,
    };
  }

  #begin(effect: ClientEffect, work: () => Promise<unknown>): void {
    this.#work = this.#work
      .then(() => this.#node.before(effect))
      .then(work)
      .then(
        () => undefined,
        () => undefined,
      );
  }

  async #mask(): Promise<void> {
    const { round, modelHash, config } = this.#round!;
    const contribution = {
      config,
      update: updateOf(this.#node.update(round, config)),
      weight: config.weightMax,
      tail: this.#node.tail,
      rotationSeed: rotationSeed(config, modelHash, round),
    };
    const tiles = maskedTiles(contribution, this.#masks!);
    const chunks: Uint8Array[] = [];
    let tile = tiles.next();
    for (; !tile.done; tile = tiles.next()) {
      chunks.push(Uint8Array.from(tile.value));
      if (chunks.length % 16 === 0) await nextTurn();
    }
    this.#vector = Buffer.concat(chunks);
    this.apply({ type: 'maskedVector', ...tile.value, nowMs: Date.now() });
  }

  async #upload({ header }: Extract<ClientEffect, { readonly type: 'upload' }>): Promise<void> {
    const answer = await this.#node.send('maskedInputHeader', encodeMessage('maskedInputHeader', header));
    // Told before the coordinator can have it: the answer to the last byte may come after the next message.
    this.apply({ type: 'vectorSent' });
    await this.#node.upload(uploadTicketSchema.parse(answer).path, this.#vector);
  }
}
