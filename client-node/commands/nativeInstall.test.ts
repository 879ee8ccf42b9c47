import { PassThrough } from 'node:stream';
import { systemClock } from '@hansa/shared/clock';
import { HansaError } from '@hansa/shared/errors';
import { systemRandom } from '@hansa/shared/random';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { measureEngine } from '../compute/index.ts';
import { installNative } from '../compute/native/installNative.ts';
import { nativeInstall } from './nativeInstall.ts';
import { createOutput } from './output.ts';

vi.mock('../compute/index.ts', async (original) => ({ ...(await original<object>()), measureEngine: vi.fn() }));
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
      .mockResolvedValueOnce({ tinyStepMs: 2, smallStepMs: 8, device: 'card' })
      .mockResolvedValueOnce({ tinyStepMs: 9, device: 'processor' });
    const { status, text, document } = await install(true);
    expect(status).toBe(0);
    expect(text).toContain(
      'on the card: a step of the tiny model 2.0 ms, of the small one 8.0 ms; on wasm a step of the tiny model 9.0 ms, of the small one not taken.',
    );
    expect(text).not.toContain('sees no card');
    expect(document).toEqual({
      engine: 'tfjs-node-gpu',
      tensorflow: '2.21.0',
      folder: '/modules',
      device: 'card',
      tinyStepMs: 2,
      smallStepMs: 8,
      wasm: { tinyStepMs: 9, device: 'processor' },
    });
  });

  it('says so where an engine for a card computes on the processor', async () => {
    vi.mocked(measureEngine).mockResolvedValue({ tinyStepMs: 9, device: 'processor' });
    const { status, text, document } = await install(true);
    expect(status).toBe(0);
    expect(text).toContain('on the processor: a step of the tiny model 9.0 ms');
    expect(text).toContain('TensorFlow sees no card here');
    expect(document).toMatchObject({ engine: 'tfjs-node-gpu', device: 'processor' });
    expect((await install(false)).text).not.toContain('sees no card');
  });

  it('succeeds where the engine that it is compared with fails, and not where its own does', async () => {
    vi.mocked(measureEngine)
      .mockResolvedValueOnce({ tinyStepMs: 3, device: 'processor' })
      .mockRejectedValueOnce(unusable);
    const { status, text, document } = await install(false);
    expect(status).toBe(0);
    expect(text).toContain('a step of the tiny model 3.0 ms, of the small one not taken.');
    expect(document).not.toHaveProperty('wasm');
    vi.mocked(measureEngine).mockRejectedValueOnce(unusable);
    await expect(install(false)).rejects.toBe(unusable);
  });
});
