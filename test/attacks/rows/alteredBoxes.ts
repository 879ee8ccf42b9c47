import { closeBox } from '@hansa/aggregation/secagg/testing';
import { SecretBytes } from '@hansa/shared/crypto';
import type { EncryptedShares } from '@hansa/shared/protocol/secagg';
import { systemRandom } from '@hansa/shared/random';
import { type Attack, type Row, staged } from '../harness/row.ts';
import type { Scene } from '../harness/scene.ts';
import type { SetUp } from '../harness/setUp.ts';

type Dealer = EncryptedShares['dealers'][number];

const reflected = "the victim's own boxes as its peers', two of which are then declared dead";
const refused = 'box refused';

/** Changes to one dealer's box before the victim receives it. */
const spoiled: Readonly<Record<string, (box: Dealer, other: Dealer, scene: Scene, set: SetUp) => Dealer>> = {
  'one byte changed': (box) => ({ ...box, ciphertext: box.ciphertext.with(40, box.ciphertext[40]! ^ 1) }),
  'another nonce': (box) => ({ ...box, nonce: systemRandom.bytes(24) }),
  "another dealer's box: i for j": (box, other) => ({ ...other, index: box.index }),
  'the hashes of b and s swapped': (box) => ({ ...box, selfHash: box.maskHash, maskHash: box.selfHash }),
  "another share's hash": (box, other) => ({ ...box, maskHash: other.maskHash }),
  "the victim's own box, reflected": (box, _other, scene, set) => ({ ...box, ...ownBox(scene, set, box.index) }),
  'the box for another holder': (box, _other, scene, set) => {
    const [, , , another] = scene.honest;
    const { nonce, ciphertext } = set.dealt.get(box.index)!.boxes.find(({ holder }) => holder === another)!;
    return { ...box, nonce, ciphertext };
  },
};

/** What the victim sealed for a member. */
function ownBox(scene: Scene, set: SetUp, holder: number): Pick<Dealer, 'nonce' | 'ciphertext'> {
  const { nonce, ciphertext } = set.dealt.get(scene.victim)!.boxes.find((box) => box.holder === holder)!;
  return { nonce, ciphertext };
}

/** One set-up for each: the victim receives one bad box and must keep all others. */
const badBox = (name: string): Attack =>
  staged(name, refused, async (scene) => {
    const set = await (await scene.setUp().advertise()).deal();
    const [, dealer] = scene.honest as [number, number];
    await set.handOut((member) => {
      const { sid, dealers } = set.sharesFor(member);
      if (member !== scene.victim) return { sid, dealers };
      const other = dealers.find(({ index }) => index === scene.honest[2])!;
      return {
        sid,
        dealers: dealers.map((box) => (box.index === dealer ? spoiled[name]!(box, other, scene, set) : box)),
      };
    });
    const kept = set.keptBy(scene.victim);
    return kept.length === scene.members.length - 1 && !kept.includes(dealer) ? refused : 'box taken';
  });

/** A share that passes for another. */
export const alteredBoxes: Row = {
  number: 10,
  name: 'altered-boxes',
  attack: 'boxes reflected, exchanged, altered',
  attacks: [
    ...Object.keys(spoiled).map(badBox),
    staged("a colluder's box with another x", refused, async (scene) => {
      const set = await (await scene.setUp().advertise()).deal();
      const [dealer, colluder] = [...scene.colluders][0]!;
      await set.handOut((member) => {
        const { sid, dealers } = set.sharesFor(member);
        if (member !== scene.victim || !('secrets' in colluder.state)) return { sid, dealers };
        const place = { sid, cohortHash: dealers[0]!.cohortHash, dealer, holder: member };
        const keys = { own: colluder.state.secrets.cipherKey, other: set.advertised.get(member)!.cipherKey };
        const share = () => new SecretBytes(systemRandom.bytes(32));
        const box = closeBox(place, keys, { x: 200, self: share(), mask: share() }, systemRandom);
        return { sid, dealers: dealers.map((one) => (one.index === dealer ? { ...one, ...box } : one)) };
      });
      return set.keptBy(scene.victim).includes(dealer) ? 'box taken' : refused;
    }),
    staged(reflected, refused, async (scene) => {
      const { victim, honest } = scene;
      const peers = honest.slice(1);
      const set = await (await scene.setUp().advertise()).deal();
      await set.handOut((member) => {
        const { sid, dealers } = set.sharesFor(member);
        if (member !== victim) return { sid, dealers };
        const swap = (box: Dealer) => (peers.includes(box.index) ? { ...box, ...ownBox(scene, set, box.index) } : box);
        return { sid, dealers: dealers.map(swap) };
      });
      if (!peers.every((peer) => set.keptBy(victim).includes(peer))) return refused;
      await set.mask();
      const dead = peers.slice(2);
      const alive = scene.without(...dead);
      await set.collectSignatures((member) => (alive.includes(member) ? alive : undefined));
      await set.tell(victim, 'quorum', set.quorum(victim));
      // The shares that the victim reveals for its dead peers are shares of its own s.
      const { shares } = await set.hear(victim, 'revealShares');
      for (const { dealer, kind, share } of shares)
        if (peers.includes(dealer)) set.view.addShare(victim, kind, set.placeOf(victim, dealer), share);
        else if (dealer === victim) set.view.addShare(victim, kind, set.placeOf(victim, victim), share);
      await set.reveal((member) => (member === victim ? undefined : set.quorum(member)));
      return scene.leak() === undefined ? 'one share too few' : undefined;
    }),
  ],
  breaks: [
    {
      variant: reflected,
      without: {
        'direction in the box': refused,
        'x of a share': refused,
        'share hashes at M2': refused,
        't above half': refused,
      },
      gains: 'one update',
    },
  ],
};
