import { describe, expect, it } from 'vitest';
import { assertSecureAddress } from './address.ts';

describe('assertSecureAddress', () => {
  it.each([
    'https://hansa.example.org',
    'http://127.0.0.1:4600',
    'http://127.8.9.1',
    'http://localhost:1',
    'http://[::1]:80',
  ])('takes %s', (address) => assertSecureAddress(address, false));

  it.each([
    'http://hansa.example.org',
    'http://10.0.0.1',
    'http://127.0.0.1.example.org',
    'http://localhost.example.org',
  ])('refuses %s unless the config allows it', (address) => {
    expect(() => assertSecureAddress(address, false)).toThrow(
      expect.objectContaining({ code: 'InsecureAddress', exitStatus: 2 }),
    );
    assertSecureAddress(address, true);
  });
});
