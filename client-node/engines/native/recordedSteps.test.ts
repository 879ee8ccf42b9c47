import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { activate, missingPart } from '../engine.ts';
import { NotRecordable, recordGraph } from './recordedGraph.ts';
import { recorded } from './recordedSteps.ts';

const missing = missingPart('tfjs-node');

/** Values of what `recorded` gives; nothing else outlives the call. */
function valuesOf(kind: string, numbers: readonly number[][], compute: (inputs: tf.Tensor[]) => tf.Tensor[]) {
  const before = tf.memory().numTensors;
  const values = tf.tidy(() => {
    const inputs = numbers.map((one) => tf.tensor1d(one));
    return recorded(kind, inputs, () => compute(inputs)).map((tensor) => [...tensor.dataSync()]);
  });
  expect(tf.memory().numTensors).toBe(before);
  return values;
}

describe('on an engine that is not native', () => {
  beforeAll(() => activate('cpu'));

  it('a step is just computed, every time', () => {
    let times = 0;
    const step = ([x]: tf.Tensor[]) => {
      times++;
      return [tf.square(x!)];
    };
    for (let turn = 0; turn < 4; turn++) expect(valuesOf('cpu', [[2, 3]], step)).toEqual([[4, 9]]);
    expect(times).toBe(4);
  });
});

describe.skipIf(missing !== undefined)(
  `on the native engine${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  () => {
    let warnings: ReturnType<typeof vi.spyOn>;
    let elsewhere: tf.Tensor;
    beforeAll(async () => {
      await activate('tfjs-node');
      elsewhere = tf.tensor1d([5, 6]);
    });
    afterAll(() => elsewhere.dispose());
    beforeEach(() => {
      warnings = vi.spyOn(process, 'emitWarning').mockReturnValue(undefined);
    });
    afterEach(() => warnings.mockRestore());

    /** A step with operations and constants of every kind that a graph must carry, that counts how often it is computed. */
    const stepOf = () => {
      const step = {
        times: 0,
        compute: ([x, y]: tf.Tensor[]) => {
          step.times++;
          const mask = tf.tensor1d([1, 0, 1]);
          const table = tf.matMul(tf.reshape(x!, [3, 1]), tf.reshape(y!, [3, 1]), false, true);
          const { value, grads } = tf.valueAndGrads((x: tf.Tensor, y: tf.Tensor) =>
            tf.sum(tf.mul(tf.mul(tf.exp(x), y), mask)),
          )([x!, y!]);
          return [value, ...grads, tf.sum(tf.slice(tf.transpose(table), [0, 1], [3, 2]), 1, true), x!, mask];
        },
      };
      return step;
    };

    it('a step that comes again is one graph from its third time on, with the same results for other numbers', () => {
      const step = stepOf();
      for (let turn = 1; turn <= 5; turn++) {
        const numbers = [
          [0.1 * turn, 0.2, -0.3],
          [1, turn, 3],
        ];
        const expected = tf.tidy(() =>
          stepOf()
            .compute(numbers.map((one) => tf.tensor1d(one)))
            .map((tensor) => [...tensor.dataSync()].map((value) => expect.closeTo(value, 5))),
        );
        expect(valuesOf('again', numbers, step.compute)).toEqual(expected);
        expect(warnings.mock.calls).toEqual([]);
        expect(step.times).toBe(Math.min(turn, 2));
      }
      expect(warnings.mock.calls).toEqual([]);
    });

    it('other shapes and other kinds are other graphs', () => {
      const double = ([x]: tf.Tensor[]) => [tf.mul(x!, 2)];
      const triple = ([x]: tf.Tensor[]) => [tf.mul(x!, 3)];
      for (let turn = 0; turn < 4; turn++) {
        expect(valuesOf('double', [[1, 2]], double)).toEqual([[2, 4]]);
        expect(valuesOf('double', [[1, 2, 3]], double)).toEqual([[2, 4, 6]]);
        expect(valuesOf('triple', [[1, 2]], triple)).toEqual([[3, 6]]);
      }
    });

    it('a tensor that lives on and is an input is read again each time', () => {
      const frozen = tf.tensor1d([10, 20]);
      const step = (inputs: tf.Tensor[]) => [tf.add(inputs[0]!, frozen)];
      for (let turn = 1; turn <= 4; turn++) {
        const sum = tf.tidy(() => {
          const x = tf.tensor1d([turn, turn]);
          return [...recorded('frozen', [x, frozen], () => step([x]))[0]!.dataSync()];
        });
        expect(sum).toEqual([10 + turn, 20 + turn]);
      }
      frozen.dispose();
      expect(warnings.mock.calls).toEqual([]);
    });

    it.each<[string, string, (x: tf.Tensor, turn: number) => tf.Tensor]>([
      ['reads a value', 'reads the values', (x) => tf.mul(x, x.dataSync()[0]!)],
      ['uses a tensor from elsewhere', 'not among its inputs', (x) => tf.add(x, elsewhere)],
      [
        'makes a very large constant',
        'too large',
        (x) => tf.add(x, tf.sum(tf.tensor1d(new Float32Array(1 << 19).fill(1)))),
      ],
      ['depends on numbers that are not its inputs', 'off by', (x, turn) => tf.mul(x, turn)],
    ])('a step that %s stays as it is, with one warning', (name, reason, compute) => {
      let times = 0;
      for (let turn = 1; turn <= 4; turn++) {
        const x = [turn, 2];
        const [found] = valuesOf(name, [x], ([input]) => {
          times++;
          return [compute(input!, turn)];
        });
        const expected = tf.tidy(() => [...compute(tf.tensor1d(x), turn).dataSync()]);
        expect(found).toEqual(expected);
      }
      expect(times).toBe(4);
      expect(warnings).toHaveBeenCalledOnce();
      expect(warnings).toHaveBeenCalledWith(expect.stringContaining(reason));
    });

    it('a fault of the step itself is thrown, and the backend left as it was', () => {
      const fail = () => {
        throw new RangeError('wrong shape');
      };
      expect(() => valuesOf('fails', [[1]], fail)).toThrow('wrong shape');
      expect(valuesOf('fails', [[1]], ([x]) => [tf.neg(x!)])).toEqual([[-1]]);
    });

    it('leaves no file behind, and says why something is not recordable', () => {
      const folder = mkdtempSync(path.join(tmpdir(), 'hansa-recorded-'));
      vi.stubEnv('TMPDIR', folder);
      try {
        tf.tidy(() => {
          const x = tf.tensor1d([1, 2]);
          const { graph } = recordGraph([x], () => [tf.square(x)]);
          const model = graph();
          expect([...model.run([tf.tensor1d([3, 4])])[0]!.dataSync()]).toEqual([9, 16]);
          model.dispose();
          expect(readdirSync(folder)).toEqual([]);
          const { graph: none } = recordGraph([], () => [tf.square(x)]);
          expect(none).toThrow(NotRecordable);
        });
      } finally {
        vi.unstubAllEnvs();
        rmSync(folder, { recursive: true });
      }
      expect(existsSync(folder)).toBe(false);
    });
  },
);
