import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { layOut, parameterCount } from './manifest.ts';
import {
  encodeFile,
  encodeHeader,
  openModelFile,
  readHeader,
  readHeaderOfFile,
  readTensorTable,
  standardSafetensorsLimits,
} from './safetensors.ts';

// Written by safetensors 0.8.0 for Python (PyPI):
//   save_file({"bert.embeddings.LayerNorm.weight": np.array([1.5, -2.25], np.float32), "embedder.cls": np.arange(6, dtype=np.float32).reshape(2, 3),
//              "demand.scalar": np.array(0.5, np.float32)}, path, metadata={"format": "pt", "note": "ünï"})
const fixture = new URL('./fixtures/python.safetensors', import.meta.url);

/** A file with this JSON header and so many bytes of data. */
function fileOf(json: string, dataSizeBytes: number): Uint8Array {
  const header = new TextEncoder().encode(json);
  const bytes = new Uint8Array(8 + header.length + dataSizeBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(header, 8);
  return bytes;
}

const read = (bytes: Uint8Array) => readHeader(bytes, bytes.length);
const refusal = (message: RegExp) =>
  expect.objectContaining({ code: 'InvalidModelFile', message: expect.stringMatching(message) });
const tensor = (begin: number, end: number, shape: unknown = [(end - begin) / 4], dtype = 'F32') =>
  JSON.stringify({ dtype, shape, data_offsets: [begin, end] });

describe('a file written by Python', () => {
  it('is read with its tensors in the order of their data', async () => {
    const bytes = await readFile(fixture);
    const header = readHeader(bytes, bytes.length);
    expect({ ...header.metadata }).toEqual({ format: 'pt', note: 'ünï' });
    expect(header.manifest).toEqual([
      { name: 'bert.embeddings.LayerNorm.weight', shape: [2], dtype: 'F32', offset: 0 },
      { name: 'demand.scalar', shape: [], dtype: 'F32', offset: 2 },
      { name: 'embedder.cls', shape: [2, 3], dtype: 'F32', offset: 3 },
    ]);
    expect(header.dataOffset + header.dataSizeBytes).toBe(bytes.length);
    const data = new Float32Array(
      bytes.buffer.slice(bytes.byteOffset + header.dataOffset, bytes.byteOffset + bytes.length),
    );
    expect([...data]).toEqual([1.5, -2.25, 0.5, 0, 1, 2, 3, 4, 5]);
  });

  it('gives the same from disk', async () => {
    const bytes = await readFile(fixture);
    expect(await readHeaderOfFile(fixture.pathname)).toEqual(readHeader(bytes, bytes.length));
  });
});

describe('encodeFile', () => {
  const name = fc.oneof(
    fc.string({ minLength: 1, maxLength: 40 }).filter((text) => text !== '__metadata__'),
    fc.constantFrom('__proto__', 'constructor', 'bert.encoder.layer.0.output.dense.weight', '"\\'),
  );
  const tensors = fc.uniqueArray(
    fc.record({ name, shape: fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 4 }) }),
    { maxLength: 12, selector: (entry) => entry.name },
  );
  const metadata = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.string());

  it('is undone by readHeader for any names', () => {
    fc.assert(
      fc.property(tensors, metadata, (entries, meta) => {
        const manifest = layOut(entries);
        const vector = Float32Array.from({ length: parameterCount(manifest) }, (_, index) => index);
        const bytes = encodeFile(manifest, meta, vector);
        const header = read(bytes);
        expect(header.manifest).toEqual(manifest);
        expect(Object.entries(header.metadata).sort()).toEqual(Object.entries(meta).sort());
        expect(header.dataOffset % 8).toBe(0);
        expect([...header.headerBytes]).toEqual([...encodeHeader(manifest, meta)]);
        expect([...new Float32Array(bytes.slice(header.dataOffset).buffer)]).toEqual([...vector]);
      }),
    );
  });

  it('leaves no trace of a tensor called __proto__ on objects', () => {
    const header = read(encodeFile(layOut([{ name: '__proto__', shape: [1] }]), {}, Float32Array.of(1)));
    expect(header.manifest[0]?.name).toBe('__proto__');
    expect(Object.getPrototypeOf(header.metadata)).toBeNull();
    expect(({} as Record<string, unknown>).dtype).toBeUndefined();
  });

  it('refuses a vector of another length', () => {
    expect(() => encodeFile(layOut([{ name: 'a', shape: [2] }]), {}, new Float32Array(3))).toThrow(RangeError);
  });
});

describe('a hostile file', () => {
  it.each([
    ['shorter than its length', new Uint8Array(7), /too short/],
    ['with a header beyond its end', fileOf('{}', 0).fill(255, 0, 1), /ends inside its header/],
    ['with a header of 2^63 bytes', fileOf('{}', 0).fill(255, 0, 8), /header is larger/],
    ['with a header that is not JSON', fileOf('{"a":', 0), /not JSON/],
    ['with a header that is not UTF-8', fileOf('{"a\u0000":1}', 0).fill(0xff, 11, 12), /not JSON/],
    ['whose header is a list', fileOf('[]', 0), /not a JSON object/],
    ['whose header is null', fileOf('null', 0), /not a JSON object/],
    ['with leading space, which other readers refuse', fileOf(' {}', 0), /not a JSON object/],
    ['with metadata that is not an object', fileOf('{"__metadata__":[]}', 0), /metadata is not an object/],
    ['with metadata that is not text', fileOf('{"__metadata__":{"a":1}}', 0), /that is not text/],
    [
      'with metadata under __proto__ that is not text',
      fileOf('{"__metadata__":{"__proto__":{}}}', 0),
      /that is not text/,
    ],
    [
      'with an unknown key in a tensor',
      fileOf('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"b":1}}', 4),
      /malformed/,
    ],
    ['with a negative dimension', fileOf(`{"a":${tensor(0, 4, [-1])}}`, 4), /malformed/],
    ['with a dimension of 0', fileOf(`{"a":${tensor(0, 0, [0])}}`, 0), /malformed/],
    ['with a fractional offset', fileOf('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0.5,4.5]}}', 5), /malformed/],
    ['whose shape overflows', fileOf(`{"a":${tensor(0, 4, [2 ** 31, 2 ** 31, 2 ** 31])}}`, 4), /do not fit its shape/],
    ['of another type', fileOf(`{"a":${tensor(0, 4, [2], 'F16')}}`, 4), /type "F16"/],
    ['with a hole', fileOf(`{"a":${tensor(0, 4)},"b":${tensor(8, 12)}}`, 12), /hole or overlaps/],
    ['with an overlap', fileOf(`{"a":${tensor(0, 8)},"b":${tensor(4, 12)}}`, 12), /hole or overlaps/],
    ['with two tensors in one place', fileOf(`{"a":${tensor(0, 4)},"b":${tensor(0, 4)}}`, 4), /hole or overlaps/],
    ['with data left over', fileOf(`{"a":${tensor(0, 4)}}`, 8), /describes 4 bytes of data and the file has 8/],
    ['cut off', fileOf(`{"a":${tensor(0, 8)}}`, 4), /describes 8 bytes of data and the file has 4/],
    ['with a name twice', fileOf(`{"a":${tensor(0, 4)},"a":${tensor(0, 4)}}`, 4), /key "a" twice/],
    [
      'with a name twice, once escaped',
      fileOf(`{"a":${tensor(0, 4)},"\\u0061"${' '.repeat(99)}:${tensor(0, 4)}}`, 4),
      /key "a" twice/,
    ],
    [
      'with a key of a tensor twice',
      fileOf('{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4),
      /key "dtype" twice/,
    ],
    ['without a name', fileOf(`{"":${tensor(0, 4)}}`, 4), /empty or too long/],
  ])('%s is refused', (_, bytes, message) => {
    expect(() => read(bytes)).toThrow(refusal(message));
  });

  it('with more tensors than the limit is refused', () => {
    const manifest = layOut([
      { name: 'a', shape: [1] },
      { name: 'b', shape: [1] },
    ]);
    const bytes = encodeFile(manifest, {}, new Float32Array(2));
    expect(() => readHeader(bytes, bytes.length, { ...standardSafetensorsLimits, tensors: 1 })).toThrow(
      refusal(/more than 1 tensors/),
    );
  });

  it('never throws anything but a refusal', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(16), (json, size) => {
        try {
          read(fileOf(json, size));
        } catch (error) {
          expect(error).toEqual(refusal(/./));
        }
      }),
    );
  });

  it('on disk is refused before its header is read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hansa-'));
    try {
      const path = join(folder, 'model.safetensors');
      await writeFile(path, fileOf('{}', 0).fill(255, 0, 8));
      await expect(readHeaderOfFile(path)).rejects.toEqual(refusal(/header is larger/));
      await expect(readHeaderOfFile(join(folder, 'none'))).rejects.toMatchObject({ code: 'NotFound' });
      for (const [wrong, message] of [
        [folder, 'is a folder'],
        [join(path, 'beyond'), 'cannot be read (ENOTDIR)'],
        [join(folder, 'n'.repeat(300)), 'cannot be read (ENAMETOOLONG)'],
      ] as const) {
        await expect(openModelFile(wrong)).rejects.toMatchObject({
          code: 'InvalidModelFile',
          message: expect.stringContaining(`${wrong} ${message}`),
        });
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('readTensorTable', () => {
  const tableOf = async (bytes: Uint8Array) => {
    const folder = await mkdtemp(join(tmpdir(), 'hansa-'));
    const path = join(folder, 'model.safetensors');
    await writeFile(path, bytes);
    const file = await open(path, 'r');
    try {
      return await readTensorTable(file);
    } finally {
      await file.close();
      await rm(folder, { recursive: true });
    }
  };

  it('reads tensors of other types, in the order of their data', async () => {
    const header = `{"b":${tensor(4, 20, [2], 'I64')},"a":${tensor(0, 4, [2], 'BF16')},"__metadata__":{"format":"pt"}}`;
    const { tensors, metadata } = await tableOf(fileOf(header, 20));
    expect(tensors).toEqual([
      { name: 'a', dtype: 'BF16', shape: [2], begin: 0, end: 4 },
      { name: 'b', dtype: 'I64', shape: [2], begin: 4, end: 20 },
    ]);
    expect({ ...metadata }).toEqual({ format: 'pt' });
  });

  it.each([
    ['an unknown type', fileOf(`{"a":${tensor(0, 4, [1], 'F4')}}`, 4), /type "F4"/],
    ['a type that only objects have', fileOf(`{"a":${tensor(0, 4, [1], 'constructor')}}`, 4), /type "constructor"/],
    ['a size that its type does not give', fileOf(`{"a":${tensor(0, 4, [1], 'F16')}}`, 4), /do not fit its shape/],
    ['data left over', fileOf(`{"a":${tensor(0, 2, [1], 'F16')}}`, 4), /describes 2 bytes/],
  ])('refuses %s', async (_, bytes, message) => {
    await expect(tableOf(bytes)).rejects.toEqual(refusal(message));
  });
});
