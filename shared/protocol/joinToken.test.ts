import { describe, expect, it } from 'vitest';
import { sha256 } from '../crypto/hash.ts';
import { IdentityKey, newIdentitySeed } from '../crypto/identityKey.ts';
import { SecretBytes } from '../crypto/secretBytes.ts';
import { seededRandom } from '../random/index.ts';
import { newJoinToken, parseJoinToken } from './joinToken.ts';
import { isApprovedByConsortium } from './secagg/approval.ts';

const random = seededRandom('join token');
const keyOf = () => new IdentityKey(newIdentitySeed(random));
const [approver, coordinator, node] = [keyOf(), keyOf(), keyOf()];
const scope = { federation: '6f0c1d0e-1111-4222-8333-444455556666', coordinatorKey: coordinator.publicKey };
const expiresAtMs = 1_800_000_000_000;
const consortium = () => newJoinToken({ scope, expiresAtMs, approver }, random);

/** The token with one bit of a part turned: 3 the coordinator's key, 4 the seed, 5 the approver's key, 7 its certificate. */
const change = (token: string, part: number): string => {
  const parts = token.split('.');
  const bytes = Buffer.from(parts[part] ?? '', 'base64url');
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  return parts.with(part, bytes.toString('base64url')).join('.');
};

describe('a join token', () => {
  it("of a consortium approves the node's own key, for its league alone, as it was registered", () => {
    const { text, registration } = consortium();
    const token = parseJoinToken(` ${text}\n`);
    expect(token).toMatchObject({ scope, approvals: { by: 'consortium', approverKey: approver.publicKey } });
    const approval = token.approve(node.publicKey)!;
    expect(registration).toEqual({
      secretHash: sha256(token.secret),
      expiresAtMs,
      approvals: { by: 'consortium', approverKey: approver.publicKey, tokenKey: approval.tokenKey },
    });
    expect(approval.expiresAtMs).toBe(expiresAtMs);
    const holds = (where = scope, by = approver, key = node) =>
      isApprovedByConsortium(approval, where, by.publicKey, key.publicKey);
    expect(holds()).toBe(true);
    expect(holds({ ...scope, federation: scope.federation.replace('1111', '2222') })).toBe(false);
    expect(holds({ ...scope, coordinatorKey: node.publicKey })).toBe(false);
    expect(holds(scope, coordinator)).toBe(false);
    expect(holds(scope, approver, coordinator)).toBe(false);
  });

  it('of a federation whose members approve each other approves nobody', () => {
    const { text, registration } = newJoinToken({ scope, expiresAtMs }, random);
    const token = parseJoinToken(text);
    expect(token).toMatchObject({ scope, approvals: { by: 'members' } });
    expect(token.approve(node.publicKey)).toBeUndefined();
    expect(registration).toEqual({ secretHash: sha256(token.secret), expiresAtMs, approvals: { by: 'members' } });
  });

  it('is fresh each time, and its registration has neither its seed nor its secret', () => {
    const [one, two] = [consortium(), consortium()];
    expect(one.text).not.toBe(two.text);
    const told = JSON.stringify(one.registration, (_key, value) =>
      value instanceof Uint8Array ? Buffer.from(value).toString('base64url') : value,
    );
    const seed = one.text.split('.')[4]!;
    expect(seed).toHaveLength(43);
    expect(told).not.toContain(seed);
    expect(told).not.toContain(Buffer.from(parseJoinToken(one.text).secret).toString('base64url'));
  });

  it('has a secret from which its approval key does not follow: the coordinator gets the secret', () => {
    const { text } = consortium();
    const { secret, approve } = parseJoinToken(text);
    const own = new IdentityKey(new SecretBytes(Uint8Array.from(secret)));
    expect(own.publicKey).not.toEqual(approve(node.publicKey)?.tokenKey);
    const asSeed = text.split('.').with(4, Buffer.from(secret).toString('base64url')).join('.');
    expect(() => parseJoinToken(asSeed)).toThrow(expect.objectContaining({ code: 'TokenUnknown' }));
  });

  it.each<[string, (token: string) => string, RegExp]>([
    ['no token at all', () => 'hello', /begins with hansa2/],
    ['empty', () => '', /begins with hansa2/],
    ['of an older release', () => 'hansa1.AAAA.AAAA', /older release/],
    ['cut short', (token) => token.slice(0, -20), /copied whole/],
    [
      'cut to what a token without an approver holds',
      (token) => token.split('.').slice(0, 5).join('.'),
      /copied whole/,
    ],
    ['longer than it should be', (token) => `${token}.AAAA`, /copied whole/],
    ['made to say that members approve', (token) => token.replace('consortium', 'members'), /copied whole/],
    ['for another federation', (token) => token.replace('6f0c1d0e', '6f0c1d0f'), /damaged/],
    ['for another coordinator', (token) => change(token, 3), /damaged/],
    ['of another seed', (token) => change(token, 4), /damaged/],
    ['of another approver', (token) => change(token, 5), /damaged/],
    ['good for longer', (token) => token.replace(`.${expiresAtMs}.`, `.${expiresAtMs + 1}.`), /damaged/],
    ['with a damaged certificate', (token) => change(token, 7), /damaged/],
  ])('that is %s is refused', (_, tokenOf, message) => {
    expect(() => parseJoinToken(tokenOf(consortium().text))).toThrow(
      expect.objectContaining({ code: 'TokenUnknown', message: expect.stringMatching(message) }),
    );
  });
});
