import { readFileSync } from 'node:fs';

/** A piece of source, and what replaces it to remove the defence. The piece must be in its file exactly once. */
interface Edit {
  /** From the repository's root. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

const client = (file: string, find: string, replace: string): Edit => ({
  file: `aggregation/secagg/client/${file}`,
  find,
  replace,
});

/**
 * The defences, each as the edits that remove it. A separate process makes them to the source while it loads it; the shipped code has no switch that
 * turns a defence off.
 */
export const defences = {
  'one kind of share': [
    client(
      'quorum.ts',
      `    if (share !== undefined) shares.push({ dealer, kind, share: Uint8Array.from(share.expose()) });`,
      `    for (const kind of ['self', 'mask'] as const) {
      const share = held?.[kind];
      if (share !== undefined) shares.push({ dealer, kind, share: Uint8Array.from(share.expose()) });
    }`,
    ),
  ],
  quorum: [client('quorum.ts', 'if (signers.size < quorum)', 'if (false as boolean)')],
  't above half': [
    {
      file: 'aggregation/secagg/thresholds.ts',
      find: 'Math.floor((2 * cohortSize) / 3) + 1',
      replace: 'Math.floor(cohortSize / 2) + 1',
    },
    {
      file: 'aggregation/secagg/thresholds.ts',
      find: '|| 2 * threshold <= cohortSize + corrupt',
      replace: '',
    },
  ],
  'keys signed by their members': [
    client('cohort.ts', "if (!verifyLabelled(publicKey, 'm1', signed, member.signature))", 'if (false as boolean)'),
  ],
  'configuration in the sid': [
    { file: 'shared/protocol/secagg/open.ts', find: '    configHash(open.config),\n', replace: '' },
  ],
  'configuration in R': [
    { file: 'shared/protocol/secagg/startRound.ts', find: '    binding.configHash,\n', replace: '' },
  ],
  'direction in the box': [
    {
      file: 'aggregation/secagg/boxes.ts',
      find: "enc('box', place.cohortHash, place.dealer, place.holder)",
      replace: "enc('box', place.cohortHash)",
    },
    {
      file: 'aggregation/secagg/boxes.ts',
      find: "enc('box', place.sid, place.cohortHash, place.dealer, place.holder)",
      replace: "enc('box', place.sid, place.cohortHash)",
    },
  ],
  'x of a share': [client('encryptedShares.ts', 'isPlace(content.x, state) &&', '')],
  'share hashes at M2': [
    client(
      'encryptedShares.ts',
      "equalBytes(dealer.selfHash, shareHash(sid, dealer.index, index, 'self', content.self.expose())) &&",
      '',
    ),
    client(
      'encryptedShares.ts',
      "equalBytes(dealer.maskHash, shareHash(sid, dealer.index, index, 'mask', content.mask.expose()));",
      'true;',
    ),
  ],
  'share hashes at M5': [
    {
      file: 'aggregation/secagg/server/revealShares.ts',
      find: 'if (!equalBytes(expectedHash, shareHash(state.setup.sid, dealer, from, kind, share)))',
      replace: 'if (false as boolean)',
    },
  ],
  'proof that no sum wraps': [
    { file: 'aggregation/secagg/encoding/fits.ts', find: '  if (!fits)\n', replace: '  if (false as boolean)\n' },
  ],
  'uniform or bucketed weights': [
    {
      file: 'aggregation/secagg/encoding/weight.ts',
      find: 'const counted = Math.min(examples, cap);',
      replace: 'return examples;',
    },
    {
      file: 'aggregation/secagg/encoding/tail.ts',
      find: 'if (!Number.isInteger(weight) || weight < 1 || weight > config.weightMax)',
      replace: 'if (false as boolean)',
    },
  ],
  'the wipe': [
    { file: 'shared/crypto/secretBytes.ts', find: '    this.#bytes.fill(0);\n', replace: '' },
    {
      file: 'aggregation/secagg/driver/carryOut.ts',
      find: 'for (const secret of secrets) secret.wipe();',
      replace: 'kept.push(...secrets);',
    },
    {
      file: 'aggregation/secagg/driver/carryOut.ts',
      find: 'export function wipeSecrets(',
      replace: 'const kept: unknown[] = [];\n\nexport function wipeSecrets(',
    },
  ],
  'holders drawn by each member': [
    {
      file: 'aggregation/secagg/graph.ts',
      find: "  if (graph === 'complete') return order;\n  const pool",
      replace: `  if (graph === 'complete') return order;
  const own = order.indexOf(index);
  const ring = Array.from({ length: count }, (_, at) => (at % 2 === 0 ? 1 + at / 2 : -(at + 1) / 2));
  if (count > 0) return ring.map((step) => order[(own + step + order.length) % order.length]!).sort((left, right) => left - right);
  const pool`,
    },
  ],
  'degree and threshold by the finder': [
    {
      file: 'aggregation/secagg/thresholds.ts',
      find: 'found.feasible ? { holders: found.degree, threshold: found.threshold } : undefined',
      replace: '{ holders: 4, threshold: 3 }',
    },
  ],
  'all reveals': [
    {
      file: 'aggregation/secagg/grouping/client.ts',
      find: 'if (message.reveals.length !== list.members.length)',
      replace: 'if (false as boolean)',
    },
    {
      file: 'aggregation/secagg/grouping/client.ts',
      find: 'const member = list.members[place]!;\n    if (member.index !== index)',
      replace: 'const member = list.members.find((one) => one.index === index)!;\n    if (place < 0)',
    },
  ],
  'four tries': [
    {
      file: 'aggregation/secagg/grouping/client.ts',
      find: 'last.tries >= maxTries)',
      replace: 'last.tries >= 10_000)',
    },
  ],
  labels: [
    {
      file: 'shared/crypto/signatures.ts',
      // Without a label, what is 32 bytes long can be anything's digest.
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is a piece of source.
      find: "Buffer.concat([Buffer.from(`hansa/SA-1/${label}\\0`, 'latin1'), sha256(message)])",
      replace: 'Buffer.from(message.length === 32 ? message : sha256(message))',
    },
  ],
  'nonce and audience of the handshake': [
    {
      file: 'client-node/session/transport/handshake.ts',
      find: "key.sign('hello', enc(federation, coordinatorPublicKey, clientId, clientNonce, sessionId))",
      replace: "key.sign('hello', sessionId)",
    },
  ],
  'floor of survivors': [client('floors.ts', 'if (set.members.length < set.atLeast)', 'if (false as boolean)')],
  'nothing for others': [
    client('quorum.ts', 'for (const dealer of state.round.sharers) {', 'for (const dealer of state.held.keys()) {'),
  ],
  'distinct signers': [
    client('quorum.ts', 'if (signers.has(index))', 'if (false as boolean)'),
    client('quorum.ts', 'if (signers.size < quorum)', 'if (message.signatures.length < quorum)'),
  ],
  'usable keys': [client('cohort.ts', 'if (!isUsableAgreementKey(key))', 'if (false as boolean)')],
  'no zero secret': [
    {
      file: 'shared/crypto/keyAgreement.ts',
      find: 'if (hasLowOrder(publicKey())) throw lowOrderKey();',
      replace: 'if (hasLowOrder(publicKey())) return new SecretBytes(new Uint8Array(32));',
    },
    {
      file: 'shared/crypto/keyAgreement.ts',
      find: 'if (shared.every((byte) => byte === 0)) throw lowOrderKey();',
      replace: '',
    },
  ],
  'no set-up on disk': [
    {
      file: 'client-node/session/setupRun.ts',
      find: 'if (this.#driver.state.phase === expectedIn[event.type]) await this.#driver.apply(event);',
      replace: `if (this.#driver.state.phase === expectedIn[event.type]) await this.#driver.apply(event);
      keepState(this.#context.folder.root, this.#driver.state);`,
    },
    {
      file: 'client-node/session/setupRun.ts',
      find: "import { z } from 'zod';",
      replace: "import { z } from 'zod';\nimport { keepState } from '../../test/attacks/harness/keptState.ts';",
    },
    {
      file: 'client-node/session/setups.ts',
      find: "import { checkConfig } from './policy.ts';",
      replace:
        "import { checkConfig } from './policy.ts';\nimport { keptState } from '../../test/attacks/harness/keptState.ts';",
    },
    {
      file: 'client-node/session/setups.ts',
      find: "    if (event.name === 'open') return",
      replace: `    const kept = keptState(this.#context.folder.root) as never as { setup: { open: Open } };
    if (kept !== undefined && this.#runs.length === 0) {
      const { plan } = this.#tasks.get(kept.setup.open.task)!;
      this.#runs = [await SetupRun.begin(kept.setup.open, plan, { state: kept as never, effects: [] }, this.#context)];
    }
    if (event.name === 'open') return`,
    },
  ],
  'one round at a time': [
    {
      file: 'client-node/session/setups.ts',
      find: "if (event.name === 'startRound' && run !== undefined) await this.#endOtherRounds(run);",
      replace: '',
    },
  ],
  'approved members': [
    client('roster.ts', 'requireApproved(roster, undefined, policy);', ''),
    client('roster.ts', 'requireApproved(roster, pinned.members, policy);', ''),
  ],
  'smallest cohort': [client('cohort.ts', 'atLeast: Math.max(policy.minCohort, config.minCohort),', 'atLeast: 0,')],
  'known peers': [client('floors.ts', 'if (count < floor)', 'if (false as boolean)')],
  'U3 inside U2': [
    client(
      'survivors.ts',
      'survivors === undefined || survivors.some((member) => !round.sharers.includes(member))',
      'survivors === undefined',
    ),
  ],
  'one vector a set-up': [
    client('step.ts', 'if (earlier !== undefined) {', "if (earlier !== undefined && event.name !== 'startRound') {"),
    client(
      'step.ts',
      "if (state.phase === 'acknowledged') return startRound",
      "if ('held' in state) return startRound",
    ),
  ],
  'work in order': [
    {
      file: 'client-node/session/round/roundPipeline.ts',
      find: 'if (this.#state.at !== at) throw',
      replace: 'if (false as boolean) throw',
    },
  ],
  'M4 once, seen at M3': [
    client('startRound.ts', 'if (ports.memory.hasSigned(federation, task, round))', 'if (false as boolean)'),
  ],
  'M4 once, seen at M4': [
    client('survivors.ts', 'if (ports.memory.hasSigned(federation, task, round.round))', 'if (false as boolean)'),
  ],
  'R in M4': [
    { file: 'shared/protocol/secagg/survivors.ts', find: 'enc(roundHash, survivors)', replace: 'enc(survivors)' },
  ],
  'R in the mask keys': [
    { file: 'aggregation/secagg/maskKeys.ts', find: "enc('self', roundHash, index)", replace: "enc('self', index)" },
    { file: 'aggregation/secagg/maskKeys.ts', find: "enc('pair', roundHash, ", replace: "enc('pair', " },
  ],
  'U2 in R': [
    { file: 'shared/protocol/secagg/startRound.ts', find: 'binding.sharers,', replace: 'new Uint8Array(0),' },
  ],
} as const satisfies Record<string, readonly Edit[]>;

export type Defence = keyof typeof defences;

const root = new URL('../../', import.meta.url);

/** The edits that remove some defences, by file address. @throws RangeError (unless the source has the text of each edit exactly once) */
export function editsWithout(without: readonly Defence[]): [string, { find: string; replace: string }[]][] {
  const edits = new Map<string, { find: string; replace: string }[]>();
  for (const name of without)
    for (const { file, find, replace } of defences[name] as readonly Edit[]) {
      const address = new URL(file, root);
      const count = readFileSync(address, 'utf8').split(find).length - 1;
      if (count !== 1)
        throw new RangeError(`"${name}": ${file} holds ${JSON.stringify(find)} ${count} times, not once`);
      edits.set(address.href, [...(edits.get(address.href) ?? []), { find, replace }]);
    }
  return [...edits];
}
