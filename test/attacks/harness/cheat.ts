import { createHash } from 'node:crypto';
import type { ClientEffect } from '@hansa/aggregation/secagg/client';
import { quantisedTiles, rotationSeed, updateOf } from '@hansa/aggregation/secagg/encoding';
import { collect } from '@hansa/aggregation/secagg/testing';
import { ToyLeague, type ToyNode, testModel } from '@hansa/coordinator/testing';
import { HansaError } from '@hansa/shared/errors';
import type { RoundRecord } from '@hansa/shared/protocol';
import {
  encodeMessage,
  type MessageOf,
  type NodeSetupMessageName,
  type SecAggConfig,
} from '@hansa/shared/protocol/secagg';
import type { Attack, Outcome } from './row.ts';

/** An update of the league's model, small enough not to be clipped. */
export const toyUpdate = (): Float32Array =>
  Float32Array.from({ length: testModel.parameters }, (_, place) => ((place % 12) - 5) / 64);

/** What a node is about to send: the name and the decoded message. */
export interface Honest<Name extends NodeSetupMessageName = NodeSetupMessageName> {
  readonly name: Name;
  readonly message: MessageOf<Name>;
}

/** The message that an effect sends. */
export function sentBy(effect: ClientEffect): Honest | undefined {
  if (effect.type === 'send') return { name: effect.name, message: effect.message } as Honest;
  if (effect.type === 'upload') return { name: 'maskedInputHeader', message: effect.header };
  return undefined;
}

/** Sends a message to the coordinator unchanged. Gives the code with which the coordinator refuses it, or `let it pass`. */
export async function send(node: ToyNode, name: string, wire: unknown, version?: unknown): Promise<string> {
  try {
    await node.send(name, wire, version);
    return 'let it pass';
  } catch (error) {
    if (error instanceof HansaError) return error.code;
    throw error;
  }
}

/** Whether the sum of a round is that of `included` toy updates, word for word. */
export function isExact(
  { sumHash }: RoundRecord,
  config: SecAggConfig,
  included: number,
  update = toyUpdate(),
): boolean {
  const { bytes } = collect(
    quantisedTiles({
      config,
      update: updateOf(update),
      weight: config.weightMax,
      tail: { loss: 1, validationLoss: 2 },
      rotationSeed: rotationSeed(config, new Uint8Array(32), 1),
    }),
  );
  const words = new Uint32Array(bytes.buffer).map((word) => Math.imul(word, included));
  return sumHash === createHash('sha256').update(new Uint8Array(words.buffer)).digest('hex');
}

/** Bad messages of one stage: each with the code that the coordinator must answer, and the JSON value that is sent instead of the honest message. */
type Bad = readonly [
  string,
  (honest: Honest, node: ToyNode) => { readonly wire: unknown; readonly version?: unknown; readonly name?: string },
];

/**
 * Bad messages of one member to the real coordinator, many in one round, before or after the honest one of each stage. The coordinator must refuse each by
 * its code, must blame the sender and nobody else, and must still finish the round with the exact sum.
 */
export function cheating(
  before: Readonly<Partial<Record<NodeSetupMessageName, Readonly<Record<string, Bad>>>>>,
  after: Readonly<Partial<Record<NodeSetupMessageName, Readonly<Record<string, Bad>>>>> = {},
): Attack {
  const all = [before, after].flatMap((stages) =>
    Object.values(stages).flatMap((messages) => Object.entries(messages)),
  );
  return {
    expects: Object.fromEntries(all.map(([variant, [expects]]) => [variant, expects])),
    async run() {
      const did = new Map<string, string>();
      const league = await ToyLeague.start({ reconnectGraceMs: 5_000 });
      let config: SecAggConfig | undefined;
      try {
        const common = {
          update: (_round: number, one: SecAggConfig) => {
            config = one;
            return toyUpdate();
          },
        };
        // With enough shares of others the coordinator would not check the cheat's.
        let cheated: () => void = () => undefined;
        const cheatWas = new Promise<void>((resolve) => {
          cheated = resolve;
        });
        await league.enrol(4, {
          ...common,
          before: async (effect) => {
            if (sentBy(effect)?.name === 'revealShares') await cheatWas;
          },
        });
        const [cheat] = (await league.enrol(1, {
          ...common,
          before: async (effect, node) => {
            const honest = sentBy(effect);
            if (honest === undefined) return;
            for (const [stages, isAfter] of [
              [before, false],
              [after, true],
            ] as const) {
              const messages = Object.entries(stages[honest.name] ?? {});
              if (isAfter && messages.length > 0)
                await node.send(honest.name, encodeMessage(honest.name, honest.message));
              for (const [variant, [, of]] of messages) {
                const { wire, version, name = honest.name } = of(honest, node);
                did.set(variant, await send(node, name, wire, version));
              }
            }
            if (honest.name === 'revealShares') cheated();
          },
        })) as [ToyNode];
        const taskId = await league.createTask({ rounds: 1 });
        await Promise.all(league.nodes.map((node) => node.connect()));
        await Promise.all(league.nodes.map((node) => node.ended));
        const [record] = await league.rounds(taskId);
        const exact = record !== undefined && config !== undefined && isExact(record, config, 5);
        const blamed = league.logLines.filter((line) => line.includes('message refused'));
        const justly = blamed.every((line) => line.includes(cheat.clientId));
        return Object.fromEntries(
          [...did].map(([variant, code]): [string, Outcome] => [
            variant,
            {
              did: [code, exact ? '' : 'the sum is lost', justly ? '' : 'another is blamed'].filter(Boolean).join(', '),
            },
          ]),
        );
      } finally {
        await league.close();
      }
    },
  };
}
