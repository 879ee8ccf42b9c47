import { PassThrough } from 'node:stream';
import { systemClock } from '@hansa/shared/clock';
import { HansaError } from '@hansa/shared/errors';
import { systemRandom } from '@hansa/shared/random';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { measureEngine } from '../compute/index.ts';
import { installNative } from '../compute/native/installNative.ts';
import { nativeInstall } from './nativeInstall.ts';
import { createOutput } from './output.ts';

vi.mock('../compute/index.ts');
vi.mock('../compute/native/installNative.ts');

const unusable = new HansaError('EngineUnusable', 'it computes a wrong gradient');

beforeEach(() => {
  vi.mocked(installNative).mockImplementation(async ({ variant, prove }) => {
    const engine = variant === 'gpu' ? 'tfjs-node-gpu' : 'tfjs-node';
    return { engine, tensorflow: '2.21.0', folder: '/modules', proof: await prove(engine) };
  });
  vi.mocked(measureEngine).mockReset();
});

async function install(gpu: boolean): Promise<{ status: number; text: string; document: unknown }> {
  const stdout = new PassThrough({ encoding: 'utf8' });
  const stderr = new PassThrough({ encoding: 'utf8' });
  const context = {
    output: createOutput({ stdout, stderr }, true),
    clock: systemClock,
    random: systemRandom,
    logLevel: 'silent' as const,
    signal: new AbortController().signal,
  };
  const status = await nativeInstall({ gpu, compiler: 'c++' }, context);
  return { status, text: stderr.read(), document: JSON.parse(stdout.read()) };
}

describe('native install', () => {
  it('names the card that the engine computes on', async () => {
    vi.mocked(measureEngine)
      .mockResolvedValueOnce({ stepMs: 2, device: 'card' })
      .mockResolvedValueOnce({ stepMs: 9, device: 'processor' });
    const { status, text, document } = await install(true);
    expect(status).toBe(0);
    expect(text).toContain('on the card: 2.0 ms a training step of the tiny model, wasm 9.0.');
    expect(text).not.toContain('sees no card');
    expect(document).toEqual({
      engine: 'tfjs-node-gpu',
      tensorflow: '2.21.0',
      folder: '/modules',
      device: 'card',
      stepMs: 2,
      wasmStepMs: 9,
    });
  });

  it('says so where an engine for a card computes on the processor', async () => {
    vi.mocked(measureEngine).mockResolvedValue({ stepMs: 9, device: 'processor' });
    const { status, text, document } = await install(true);
    expect(status).toBe(0);
    expect(text).toContain('on the processor: 9.0 ms');
    expect(text).toContain('TensorFlow sees no card here');
    expect(document).toMatchObject({ engine: 'tfjs-node-gpu', device: 'processor' });
    expect((await install(false)).text).not.toContain('sees no card');
  });

  it('succeeds where the engine that it is compared with fails, and not where its own does', async () => {
    vi.mocked(measureEngine).mockResolvedValueOnce({ stepMs: 3, device: 'processor' }).mockRejectedValueOnce(unusable);
    const { status, text, document } = await install(false);
    expect(status).toBe(0);
    expect(text).toContain('3.0 ms a training step of the tiny model.');
    expect(document).not.toHaveProperty('wasmStepMs');
    vi.mocked(measureEngine).mockRejectedValueOnce(unusable);
    await expect(install(false)).rejects.toBe(unusable);
  });
});
