import { describe, expect, it } from 'vitest';
import { strayFile } from './strayFile.ts';

const bytes = (text: string) => Buffer.from(text, 'latin1');

describe('strayFile', () => {
  it.each([
    ['a pointer', 'version https://git-lfs.github.com/spec/v1\noid sha256:00\n', /git lfs pull/],
    ['the first eight bytes of a pointer', 'version ', /git lfs pull/],
    ['a page', '<!DOCTYPE html><html>', /web page/],
    ['a page after empty lines', '\n\n<html lang="en">', /web page/],
    ['an XML error', '<?xml version="1.0"?><Error>', /web page/],
    ['the first eight bytes of a page', '<!doctyp', /web page/],
    ['a zip archive', 'PK\x03\x04....', /zip/],
    ['gzip', '\x1f\x8b\x08\0\0\0\0\0', /gzip/],
    ['zeros', '\0'.repeat(16), /download it again/],
    ['a page behind a byte order mark', '\xEF\xBB\xBF<html>', /web page/],
  ])('knows %s', (_, text, says) => {
    expect(strayFile(bytes(text))).toMatch(says);
  });

  it.each(['', '{"format":"pt"}', '\x40\0\0\0\0\0\0\0{"a":1}', 'version 2 of this'])('leaves %j alone', (text) => {
    expect(strayFile(bytes(text))).toBeUndefined();
  });
});
