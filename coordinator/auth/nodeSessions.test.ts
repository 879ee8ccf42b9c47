import { IdentityKey, SecretBytes } from '@hansa/shared/crypto';
import { enc } from '@hansa/shared/protocol/secagg';
import { describe, expect, it } from 'vitest';
import { NodeSessions } from './nodeSessions.ts';

const federation = 'league';
const key = new IdentityKey(new SecretBytes(new Uint8Array(32).fill(1)));
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url');
const sessionOf = (byte: number) => new Uint8Array(32).fill(byte);

function signed(
  counter: string,
  change: { session?: number; method?: string; path?: string; label?: 'http' | 'hello' } = {},
) {
  const { session = 1, method = 'GET', path = '/v1/blobs/x', label = 'http' } = change;
  return {
    sessionId: text(sessionOf(session)),
    counter,
    signature: text(key.sign(label, enc(federation, sessionOf(session), counter, method, path))),
    method,
    path,
  };
}

function opened(): NodeSessions {
  const sessions = new NodeSessions(federation);
  sessions.open('node', key.publicKey, sessionOf(1));
  return sessions;
}

describe('NodeSessions', () => {
  it('knows the node by its signature, each counter once, in any order near the last', () => {
    const sessions = opened();
    for (const counter of ['2', '1', '900']) expect(sessions.verify(signed(counter))).toBe('node');
    for (const counter of ['1', '2', '900']) {
      expect(() => sessions.verify(signed(counter))).toThrow(expect.objectContaining({ code: 'ReplayedRequest' }));
    }
  });

  it('refuses a counter from long ago, and forgets no recent one among thousands', () => {
    const sessions = opened();
    for (let counter = 1; counter <= 3000; counter++) sessions.verify(signed(String(counter)));
    for (const counter of ['1', '1976', '2000', '3000']) {
      expect(() => sessions.verify(signed(counter))).toThrow(expect.objectContaining({ code: 'ReplayedRequest' }));
    }
  });

  it.each([
    ['another method', { ...signed('1'), method: 'PATCH' }],
    ['another path', { ...signed('1'), path: '/v1/blobs/y' }],
    ['another counter', { ...signed('1'), counter: '2' }],
    ['another label', signed('1', { label: 'hello' })],
    ['no signature', { ...signed('1'), signature: undefined }],
    ['no counter', { ...signed('1'), counter: undefined }],
    ['a counter that is no number', signed('1e3')],
    ['a counter of zero', signed('0')],
  ])('refuses %s, and does not spend the counter', (_what, request) => {
    const sessions = opened();
    expect(() => sessions.verify(request)).toThrow(expect.objectContaining({ code: 'BadSignature' }));
    expect(sessions.verify(signed('1'))).toBe('node');
  });

  it('refuses a session that was never opened or is long displaced', () => {
    const sessions = opened();
    expect(() => sessions.verify(signed('1', { session: 9 }))).toThrow(
      expect.objectContaining({ code: 'Unauthorized' }),
    );
    sessions.open('node', key.publicKey, sessionOf(2));
    expect(sessions.verify(signed('1'))).toBe('node');
    sessions.open('node', key.publicKey, sessionOf(3));
    expect(() => sessions.verify(signed('2'))).toThrow(expect.objectContaining({ code: 'Unauthorized' }));
    expect(sessions.verify(signed('1', { session: 2 }))).toBe('node');
  });
});
