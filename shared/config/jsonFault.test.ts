import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { readJsonFile } from './index.ts';
import { jsonFault, misreadPath } from './jsonFault.ts';

describe('jsonFault', () => {
  it.each([
    ['{\n  // ours\n}', 2, /no comments/],
    ['{ "a": 1, /* ours */ "b": 2 }', 1, /no comments/],
    ['{\n# ours\n}', 2, /no comments/],
    ['{ "a": [1, 2,\n\n] }', 1, /comma before a closing bracket/],
    ['{\n"a": 1,\n}', 2, /comma before a closing bracket/],
    ['{ \u201Ca\u201D: 1 }', 1, /curly quotes/],
    ["{ 'a': 1 }", 1, /single quotes/],
    ['{ "a": "C:\\Data\\orders.csv" }', 1, /backslash stands alone/],
    ['{ "a": "\\u12" }', 1, /backslash stands alone/],
    ['{ "a": "b\n}', 1, /close it with a double quote/],
  ])('finds what is no JSON in %j', (text, line, says) => {
    expect(() => JSON.parse(text)).toThrow();
    expect(jsonFault(text)).toEqual({ line, says: expect.stringMatching(says) });
  });

  it.each([
    '{"a": "// no comment, /* none */ and # none"}',
    '{"a": ",}", "b": "it\'s \u201Cquoted\u201D"}',
    String.raw`{"a": "C:\\\\Data\\\\x", "b": "\\"", "c": "\\u00e9\\/"}`.replaceAll('\\\\', '\\'),
  ])('finds nothing in %j', (text) => {
    expect(() => JSON.parse(text)).not.toThrow();
    expect(jsonFault(text)).toBeUndefined();
    expect(misreadPath(text)).toBeUndefined();
  });
});

describe('misreadPath', () => {
  it('finds a path that JSON reads as another text', () => {
    const text = '{\n"file": "D:\\new\\orders.csv" }';
    expect(() => JSON.parse('{"file": "D:\\new" }')).not.toThrow();
    expect(misreadPath(text)).toMatchObject({ line: 2 });
    expect(misreadPath('{"note": "first\\nsecond"}')).toBeUndefined();
  });
});

describe('a configuration file', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'hansa-config-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const read = (content: string | Buffer) => {
    const path = join(folder, 'node.json');
    writeFileSync(path, content);
    return readJsonFile(path, z.strictObject({ name: z.string() }), 'The configuration');
  };
  const text = '{"name": "Käse"}';

  it.each([
    ['UTF-8', Buffer.from(text)],
    ['UTF-8 with a byte order mark', Buffer.from(`\uFEFF${text}`)],
    ['UTF-16 with a byte order mark', Buffer.from(`\uFEFF${text}`, 'utf16le')],
    ['UTF-16 of the other order', Buffer.from(`\uFEFF${text}`, 'utf16le').swap16()],
  ])('is read from %s', (_, content) => {
    expect(read(content)).toEqual({ name: 'Käse' });
  });

  it.each([
    ['Latin-1', Buffer.from(text, 'latin1'), /not in UTF-8\. Save it as UTF-8/],
    ['UTF-16 without a mark', Buffer.from(text, 'utf16le'), /UTF-16 without a byte order mark\. Save it as UTF-8/],
    ['nothing', Buffer.from(' \n'), /is empty/],
    ['a comment', Buffer.from('{\n// ours\n}'), /node\.json, line 2: JSON has no comments/],
    ['a path', Buffer.from('{"name": "C:\\new"}'), /line 1: a backslash stands alone/],
    ['half of it', Buffer.from('{"name":'), /is not JSON/],
  ])('is refused in words where it holds %s', (_, content, message) => {
    expect(() => read(content)).toThrow(
      expect.objectContaining({ code: 'InvalidConfig', message: expect.stringMatching(message) }),
    );
  });
});
