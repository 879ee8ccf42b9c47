import { openBox } from '@hansa/aggregation/secagg/testing';
import { agreementPublicKey, SecretBytes } from '@hansa/shared/crypto';
import { selfCommitment } from '@hansa/shared/protocol/secagg';
import { foundInMemory, foundOnDisk, type Needles } from '../harness/memorySearch.ts';
import { type Attack, type Row, staged } from '../harness/row.ts';
import type { Scene } from '../harness/scene.ts';
import type { SetUp } from '../harness/setUp.ts';

const inMemory = 'the memory of the running nodes, five of them, in every encoding';

/** Every c, s and b of the nodes, taken from all their draws, and every share that they held and did not reveal. */
function secretsOf(scene: Scene, set: SetUp): Needles {
  const needles = new Map<string, Uint8Array>();
  const cipherKeys = new Map<number, SecretBytes>();
  const same = (left: Uint8Array, right: Uint8Array) => Buffer.compare(left, right) === 0;
  for (const drawn of scene.process.drawn) {
    const publicKey = agreementPublicKey(new SecretBytes(Uint8Array.from(drawn)));
    for (const [member, keys] of set.advertised) {
      if (same(publicKey, keys.cipherKey)) {
        needles.set(`c of ${member}`, drawn);
        cipherKeys.set(member, new SecretBytes(Uint8Array.from(drawn)));
      }
      if (same(publicKey, keys.maskKey)) needles.set(`s of ${member}`, drawn);
      if (same(selfCommitment(set.sid, member, drawn), keys.selfCommitment)) needles.set(`b of ${member}`, drawn);
    }
  }
  if (needles.size !== 3 * scene.honest.length) throw new Error(`only ${needles.size} secrets are known`);
  for (const { index: dealer, cohortHash, boxes } of set.dealt.values())
    for (const { holder, ...box } of boxes) {
      const own = cipherKeys.get(holder);
      if (own === undefined) continue;
      const place = { sid: set.sid, cohortHash, dealer, holder };
      const content = openBox(place, { own, other: set.advertised.get(dealer)!.cipherKey }, box)!;
      // All survived: shares of b were revealed, shares of s were not.
      needles.set(`${holder}'s share of s of ${dealer}`, Uint8Array.from(content.mask.expose()));
    }
  return needles;
}

const search = (name: string, expects: string, find: (scene: Scene, needles: Needles) => ReadonlySet<string>): Attack =>
  staged(
    name,
    expects,
    async (scene) => {
      const set = await (await scene.shared()).finish();
      await scene.process.collectGarbage();
      const needles = secretsOf(scene, set);
      const found = find(scene, needles);
      return {
        did: expects,
        ...(found.size > 0 && {
          gained: `${found.size === needles.size ? 'all' : found.size} of ${needles.size} secrets`,
        }),
      };
    },
    { apart: true },
  );

/** What is left of a set-up's secrets after M5 was sent. */
export const secretsLeftBehind: Row = {
  number: 23,
  name: 'secrets-left-behind',
  attack: 'memory and disk of a node after M5',
  attacks: [
    search(inMemory, 'no c, s, b or share', (scene, needles) => foundInMemory(scene.process.pid, needles)),
    search("the nodes' folders, in every encoding", 'no c, s, b or share on disk', (scene, needles) =>
      foundOnDisk(scene.folder, needles),
    ),
  ],
  breaks: [{ variant: inMemory, without: { 'the wipe': 'all of 45 secrets' }, gains: 'all of 45 secrets' }],
};
