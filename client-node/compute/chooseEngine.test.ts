import { HansaError } from '@hansa/shared/errors';
import { describe, expect, it } from 'vitest';
import { type EngineName, engineNames, missingPart } from '../engines/engine.ts';
import { chooseEngine, firstUsable, measureEngine } from './chooseEngine.ts';
import { endOf, startOnEngine } from './engineTrial.ts';
import type { StepTimes } from './exercise.ts';

const unusable = (reason: string) => new HansaError('EngineUnusable', reason);
const child = (name: string) => new URL(`./fixtures/${name}.ts`, import.meta.url);
/** Engines that this machine has the parts of, in order. */
const there = engineNames.filter((name) => missingPart(name) === undefined);

describe('firstUsable', () => {
  const neverMeasured = { measure: () => Promise.reject(new RangeError('there is nothing to choose between')) };
  /** A machine that has the parts of these engines. */
  const machineWith = (...names: EngineName[]) => ({
    lookFor: (name: EngineName) => (names.includes(name) ? undefined : 'it is not there'),
    measure: async (name: EngineName) => ({
      tinyStepMs: 1,
      smallStepMs: 10 - engineNames.indexOf(name),
      device: 'processor' as const,
    }),
  });

  it('takes plain JavaScript where nothing else works, and says what was in the way', async () => {
    const tried: EngineName[] = [];
    const { choice, result } = await firstUsable(
      'auto',
      async (name) => {
        tried.push(name);
        if (name !== 'cpu') throw unusable('it fell over');
        return 'kept';
      },
      machineWith('tfjs-node', 'wasm', 'cpu'),
    );
    expect(result).toBe('kept');
    expect(tried).toEqual(['wasm', 'tfjs-node', 'cpu']);
    expect(choice.name).toBe('cpu');
    expect(choice.passedOver.map(({ name }) => name)).toEqual(['tfjs-node-gpu', 'webgpu', 'wasm', 'tfjs-node']);
    expect(choice.reason).toContain('wasm is not usable: it fell over');
    expect(choice.better).toContain('native install');
    expect(choice.better).not.toContain('\n');
  });

  it('measures nothing where there is one engine beside plain JavaScript', async () => {
    const { choice } = await firstUsable('auto', async () => undefined, {
      ...machineWith('wasm', 'cpu'),
      ...neverMeasured,
    });
    expect(choice).toMatchObject({ name: 'wasm', measured: [] });
  });

  it('takes the fastest measured one, the next where that fails, and none that fails while it is measured', async () => {
    const machine = machineWith('tfjs-node-gpu', 'tfjs-node', 'wasm', 'cpu');
    const { choice } = await firstUsable('auto', async () => undefined, machine);
    expect(choice.name).toBe('wasm');
    expect(choice.reason).toContain(
      'the fastest that works here (ms a step of the tiny and the small model: wasm 1.0 and 7.0, tfjs-node 1.0 and 9.0',
    );
    const next = await firstUsable(
      'auto',
      (name) => (name === 'wasm' ? Promise.reject(unusable('it fell over')) : Promise.resolve()),
      machine,
    );
    expect(next.choice.name).toBe('tfjs-node');
    const broken = await firstUsable('auto', async () => undefined, {
      ...machine,
      measure: (name) => (name === 'wasm' ? Promise.reject(unusable('it is wrong')) : machine.measure(name)),
    });
    expect(broken.choice).toMatchObject({ name: 'tfjs-node', passedOver: [{}, { name: 'wasm' }] });
  });

  it('goes by the arithmetic of a large step, and by a small one only where no engine takes that', async () => {
    const { lookFor } = machineWith('tfjs-node-gpu', 'tfjs-node', 'wasm', 'cpu');
    const steps: Partial<Record<EngineName, StepTimes>> = {
      'tfjs-node-gpu': { tinyStepMs: 30, smallStepMs: 40 },
      'tfjs-node': { tinyStepMs: 10, smallStepMs: 200 },
      wasm: { tinyStepMs: 5 },
    };
    const order = async (measured: typeof steps) => {
      const measure = async (name: EngineName) => ({ ...measured[name]!, device: 'processor' as const });
      const { choice } = await firstUsable('auto', async () => undefined, { lookFor, measure });
      return choice.measured.map(({ name }) => name);
    };
    expect(await order(steps)).toEqual(['tfjs-node-gpu', 'tfjs-node', 'wasm']);
    const slow = { tinyStepMs: 900 };
    expect(await order({ ...steps, 'tfjs-node-gpu': slow, 'tfjs-node': slow })).toEqual([
      'wasm',
      'tfjs-node-gpu',
      'tfjs-node',
    ]);
  });

  it('tries nothing but the engine asked for', async () => {
    const { choice } = await firstUsable('cpu', async () => undefined, neverMeasured);
    expect(choice).toEqual({ name: 'cpu', reason: 'asked for in the configuration', passedOver: [], measured: [] });
    await expect(
      firstUsable('wasm', () => Promise.reject(unusable('it fell over')), neverMeasured),
    ).rejects.toMatchObject({
      code: 'EngineUnusable',
      message: expect.stringContaining('wasm: not usable: it fell over'),
    });
  });

  it('does not take a fault that is not the engine’s for one', async () => {
    const fault = new HansaError('InvalidData', 'no such file');
    await expect(firstUsable('auto', () => Promise.reject(fault), machineWith('wasm'))).rejects.toBe(fault);
  });

  it('stops measuring when told to', async () => {
    const { lookFor } = machineWith('tfjs-node', 'wasm');
    const signal = AbortSignal.abort();
    await expect(firstUsable('auto', async () => undefined, { signal, lookFor })).rejects.toMatchObject({
      code: 'Interrupted',
    });
  });
});

describe('startOnEngine', () => {
  it('tells a crash by its signal', async () => {
    await expect(startOnEngine(child('crashingChild'), 'wasm')).rejects.toMatchObject({
      code: 'EngineUnusable',
      message: 'it was ended by SIGABRT',
    });
  });

  it('tells an error by its words', async () => {
    await expect(startOnEngine(child('throwingChild'), 'wasm')).rejects.toMatchObject({
      code: 'EngineUnusable',
      message: expect.stringContaining('RangeError: no card for wasm'),
    });
  });

  it('gives up on silence', async () => {
    await expect(startOnEngine(child('silentChild'), 'wasm', { silenceMs: 50 })).rejects.toMatchObject({
      code: 'EngineUnusable',
      message: 'it said nothing for 0.05 s',
    });
  });

  it('stops when told to', async () => {
    const abort = new AbortController();
    const started = startOnEngine(child('silentChild'), 'wasm', { signal: abort.signal });
    abort.abort();
    await expect(started).rejects.toMatchObject({ code: 'Interrupted' });
    await expect(startOnEngine(child('silentChild'), 'wasm', { signal: abort.signal })).rejects.toMatchObject({
      code: 'Interrupted',
    });
  });
});

describe('a child that hangs once its engine works', () => {
  it('is ended when it is late', async () => {
    await expect(measureEngine('wasm', { file: child('hangingChild'), withinMs: 50 })).rejects.toMatchObject({
      code: 'EngineUnusable',
      message: 'it gave no result within 0.05 s',
    });
  });

  it('counts with what it has told before', async () => {
    expect(await measureEngine('wasm', { file: child('stuckChild'), withinMs: 2000 })).toEqual({
      tinyStepMs: 5,
    });
  });

  it('is ended when the signal aborts', async () => {
    const abort = new AbortController();
    const hanging = await startOnEngine(child('hangingChild'), 'wasm');
    const end = endOf(hanging, 60_000, abort.signal);
    abort.abort();
    await expect(end).rejects.toMatchObject({ code: 'Interrupted' });
    expect(await hanging.ended).toContain('SIGKILL');
  });
});

describe('chooseEngine', () => {
  // Up to four processes, one after another, that each load TensorFlow.js.
  it('finds one that computes here', async () => {
    const choice = await chooseEngine();
    expect(there).toContain(choice.name);
    expect(await chooseEngine('cpu')).toMatchObject({ name: 'cpu' });
  });
});
