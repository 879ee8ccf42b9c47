import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { listenLocally } from '@hansa/shared/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ZipFile } from 'yazl';
import { downloadWheel, unpackWheel } from '../../client-node/compute/native/wheelFile.ts';
import { canMount, mount, unmountAll } from '../mounts/tmpfs.ts';

let folder: string;
let server: Server;
let index: string;
const content = Buffer.from('a wheel of bytes '.repeat(10_000));
const wheel = {
  project: 'some-project',
  filename: 'some_project-1.0-py3-none-any.whl',
  sha256: createHash('sha256').update(content).digest('hex'),
  sizeBytes: content.length,
};
const options = { signal: new AbortController().signal, onProgress: () => undefined };

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'hansa-wheel-'));
  server = createServer((request, response) => {
    const pages: Record<string, () => void> = {
      '/simple/some-project/': () =>
        response.end(JSON.stringify({ files: [{ filename: wheel.filename, url: '../../files/good' }] })),
      '/damaged/some-project/': () =>
        response.end(JSON.stringify({ files: [{ filename: wheel.filename, url: '/files/damaged' }] })),
      '/broken/some-project/': () =>
        response.end(JSON.stringify({ files: [{ filename: wheel.filename, url: '/files/broken' }] })),
      '/longer/some-project/': () =>
        response.end(JSON.stringify({ files: [{ filename: wheel.filename, url: '/files/longer' }] })),
      '/addressless/some-project/': () =>
        response.end(JSON.stringify({ files: [{ filename: wheel.filename, url: 'http://[' }] })),
      '/empty/some-project/': () => response.end(JSON.stringify({ files: [] })),
      '/html/some-project/': () => response.end('<html></html>'),
      '/files/good': () => response.end(content),
      '/files/damaged': () => response.end(content.subarray(1)),
      // It would go on for ever.
      '/files/longer': () => {
        const write = () => {
          while (response.write(content));
        };
        response.on('drain', write);
        write();
      },
      '/files/broken': () => {
        response.writeHead(200, { 'content-length': content.length });
        response.write(content.subarray(0, 1000), () => response.destroy());
      },
    };
    const page = pages[request.url ?? ''];
    if (page === undefined) response.writeHead(404).end();
    else page();
  });
  index = await listenLocally(server);
});

afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

describe('downloading a wheel', () => {
  it('finds it on the index and checks its sum', async () => {
    const file = path.join(folder, 'good');
    let doneBytes = 0;
    await downloadWheel(wheel, `${index}/simple`, file, {
      ...options,
      onProgress: (done) => {
        doneBytes = done;
      },
    });
    expect(readFileSync(file).equals(content)).toBe(true);
    expect(doneBytes).toBe(content.length);
  });

  it.each([
    ['damaged', 'WrongHash', 'Nothing of it is used'],
    ['longer', 'WrongHash', `is larger than its ${content.length} bytes`],
    ['broken', 'Unavailable', 'broke off after'],
    ['addressless', 'Unavailable', 'gives no address for some_project-1.0'],
    ['empty', 'NotFound', 'does not list some_project-1.0'],
    ['html', 'Unavailable', 'is no page of a Python package index'],
    ['nowhere', 'Unavailable', 'answers with status 404'],
  ])('from the index "%s" is %s', async (name, code, message) => {
    await expect(downloadWheel(wheel, `${index}/${name}/`, path.join(folder, name), options)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
  });

  it('says what cannot be reached', async () => {
    await expect(
      downloadWheel(wheel, 'http://127.0.0.1:1/simple/', path.join(folder, 'closed'), options),
    ).rejects.toMatchObject({ code: 'Unavailable', message: expect.stringContaining('cannot be reached') });
  });

  it('says what cannot be written', async () => {
    const file = path.join(folder, 'taken');
    writeFileSync(file, 'another');
    await expect(downloadWheel(wheel, `${index}/simple/`, file, options)).rejects.toMatchObject({
      code: 'DataFolderUnusable',
      message: expect.stringContaining(`Cannot write ${file} (EEXIST)`),
    });
  });

  it.skipIf(!canMount)('says that the disk is full', async () => {
    const small = path.join(folder, 'small');
    mount(small, 'size=64k');
    try {
      const file = path.join(small, 'file');
      await expect(downloadWheel(wheel, `${index}/simple/`, file, options)).rejects.toMatchObject({
        code: 'StorageFull',
        message: expect.stringContaining(`no space left to write ${file}`),
      });
    } finally {
      unmountAll();
    }
  });

  it('stops when told to', async () => {
    const stopped = AbortSignal.abort(new Error('enough'));
    await expect(
      downloadWheel(wheel, `${index}/simple/`, path.join(folder, 'stopped'), { ...options, signal: stopped }),
    ).rejects.toThrow('enough');
  });
});

describe('unpacking a wheel', () => {
  async function archive(name: string, entries: Record<string, string>, mode = 0o644): Promise<string> {
    const file = path.join(folder, name);
    const zip = new ZipFile();
    for (const [entry, text] of Object.entries(entries)) zip.addBuffer(Buffer.from(text), entry, { mode });
    zip.end();
    await once(zip.outputStream.pipe(createWriteStream(file)), 'close');
    return file;
  }
  const { signal } = options;

  it('writes what is wanted where it is wanted', async () => {
    const file = await archive('some.whl', { 'tensorflow/lib.so': 'library', 'tensorflow/python/x.py': 'script' });
    const target = path.join(folder, 'unpacked');
    const count = await unpackWheel(
      file,
      target,
      (name) => (name.endsWith('.so') ? `lib/${path.basename(name)}` : undefined),
      signal,
    );
    expect(count).toBe(1);
    expect(readFileSync(path.join(target, 'lib/lib.so'), 'utf8')).toBe('library');
    expect(existsSync(path.join(target, 'tensorflow'))).toBe(false);
  });

  it.skipIf(process.platform === 'win32')('keeps what can be executed so, and gives nobody more rights', async () => {
    for (const [mode, kept] of [
      [0o755, 0o755],
      [0o6777, 0o755],
      [0o400, 0o644],
      [0, 0o644],
    ] as const) {
      const file = await archive(`mode-${mode}.whl`, { ptxas: 'program' }, mode);
      const target = path.join(folder, `mode-${mode}`);
      await unpackWheel(file, target, (name) => name, signal);
      const expected = kept & ~process.umask();
      expect((statSync(path.join(target, 'ptxas')).mode & 0o7777).toString(8)).toBe(expected.toString(8));
    }
  });

  it('says what cannot be written', async () => {
    const file = await archive('twice.whl', { 'a/x': 'x', 'b/x': 'x' });
    const target = path.join(folder, 'twice');
    await expect(unpackWheel(file, target, path.basename, signal)).rejects.toMatchObject({
      code: 'DataFolderUnusable',
      message: expect.stringContaining('EEXIST'),
    });
  });

  it('refuses what is no archive, and one whose name leads out of the folder', async () => {
    const none = path.join(folder, 'none.whl');
    writeFileSync(none, 'no archive');
    await expect(unpackWheel(none, folder, () => undefined, signal)).rejects.toMatchObject({ code: 'InvalidArgument' });
    const file = await archive('outside.whl', { 'aaaa/outside': 'x' });
    const bytes = readFileSync(file);
    writeFileSync(file, Buffer.from(bytes.toString('latin1').replaceAll('aaaa/outside', '../a/outside'), 'latin1'));
    await expect(unpackWheel(file, path.join(folder, 'in'), (name) => name, signal)).rejects.toMatchObject({
      code: 'InvalidArgument',
      message: expect.stringContaining('../a/outside'),
    });
    expect(existsSync(path.join(folder, 'a'))).toBe(false);
  });
});
