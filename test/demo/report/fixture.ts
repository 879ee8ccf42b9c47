import { roundPhases, taskFileSchema } from '@hansa/shared/protocol';
import { seededRandom } from '../generator/seededRandom.ts';
import type { DemoResult } from '../result.ts';
import { changePercent } from '../verdict.ts';
import type { ReportData } from './data.ts';
import { ringHistogram, updateHistogram } from './histogram.ts';

/** Made-up figures of a league, for tests of the report and the screen: `effect` is the change in per cent that fine-tuning brings over local-only. */
export function reportFixture(effects: readonly number[]): ReportData {
  const random = seededRandom(7, 'fixture');
  const ids = effects.map((_, i) => `merchant-${i + 1}`);
  const killed = ids[3] ?? ids[0]!;
  const rounds = [1, 2, 3, 4, 5].map((round) => {
    const phases = Object.fromEntries(
      roundPhases.map((phase) => [phase, phase === 'train' ? random.between(8, 12) : random.between(0.1, 0.9)]),
    ) as DemoResult['rounds'][number]['phaseSeconds'];
    const dropped = round === 2 ? [killed] : [];
    return {
      round,
      outcome: 'committed' as const,
      reason: null,
      selected: ids,
      reported: ids.filter((id) => !dropped.includes(id)),
      dropped,
      seconds: Object.values(phases).reduce((sum, seconds) => sum + seconds, 0),
      phaseSeconds: phases,
      bytesUp: 3_210_000 + round,
      bytesDown: 2_900_000,
      loss: 0.8 / round ** 0.3,
    };
  });
  const merchants = effects.map((effect, i) => {
    const local = random.between(0.25, 0.45);
    const wql = {
      seasonalNaive: local * 1.35,
      localOnly: local,
      federated: local * 0.99,
      fineTuned: local * (1 + effect / 100),
    };
    return {
      id: ids[i]!,
      rows: random.integer(2_000, 24_000),
      series: random.integer(6, 40),
      steps: 250,
      wql,
      simple: {
        zero: 1,
        seasonalNaive: local * 1.35,
        empirical13: local * 1.04,
        empirical26: local * 1.02,
        ets: local * 1.01,
        croston: local * 1.3,
        sba: local * 1.25,
        tsb: local * 1.2,
      },
      wape: {
        seasonalNaive: local * 1.6,
        localOnly: local * 1.25,
        federated: local * 1.24,
        fineTuned: local * 1.25 * (1 + effect / 100),
      },
    };
  });
  const words = Uint32Array.from({ length: 20_000 }, () => Math.floor(random.uniform() * 2 ** 32));
  const update = Uint32Array.from({ length: 20_000 }, () => Math.round(random.normal(0, 900) * random.uniform()) >>> 0);
  return {
    result: {
      formatVersion: 1,
      seed: 1,
      engine: 'wasm',
      totalSeconds: 203.4,
      coordinatorPeakRssBytes: 143_000_000,
      sumExact: true,
      pilots: [
        { learningRate: 0.001, validationLoss: 0.2368 },
        { learningRate: 0.003, validationLoss: 0.2328 },
      ],
      rounds,
      merchants,
    },
    startedAt: '2026-11-23 14:05',
    source: { kind: 'generated', world: 'shared' },
    merchants: merchants.map(({ id, wql, simple }, i) => {
      const around = (percent: number) => [percent - 2, percent + 1.5] as const;
      const level = 12 + 4 * i;
      const wave = (k: number) => level * (1 + 0.35 * Math.sin((2 * Math.PI * k) / 7));
      const levels = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
      return {
        id,
        wqlIntervals: Object.fromEntries(
          Object.entries({ ...simple, ...wql }).map(([method, value]) => [method, [value * 0.93, value * 1.08]]),
        ),
        againstLocal: {
          seasonalNaive: around(changePercent(wql.seasonalNaive, wql.localOnly)),
          ets: around(1),
          federated: around(changePercent(wql.federated, wql.localOnly)),
          fineTuned: around(effects[i]!),
        },
        toUse: i === 0 ? { method: 'blended', wql: wql.fineTuned * 0.99 } : { method: 'fineTuned', wql: wql.fineTuned },
        measures: Object.entries({
          ...simple,
          untrained: wql.localOnly * 1.1,
          ...wql,
          blended: wql.fineTuned * 0.99,
        }).map(([name, value]) => ({
          name,
          wql: value,
          wape: value * 1.25,
          mase: name === 'zero' ? undefined : value * 2.1,
          bias: value - wql.localOnly,
          coverage: 0.78,
        })),
        learningRates: { localOnly: 0.003, fineTuned: 0.001 },
        bytesSent: 2_600_000,
        cleaning: {
          rowsRead: 12_043,
          rowsUsed: 12_003,
          duplicatesRemoved: 21,
          returnLines: 61,
          outliersCut: 7,
          stockOutPeriods: 143,
        },
        forecast: {
          origin: '2024-10-07',
          frequency: 'day' as const,
          series: `${id}-item-01 <b>&`,
          history: Array.from({ length: 56 }, (_, k) => random.poisson(wave(k - 56))),
          actual: Array.from({ length: 28 }, (_, k) => (k === 9 ? null : random.poisson(wave(k)))),
          levels,
          quantiles: levels.map((q) => Array.from({ length: 28 }, (_, k) => wave(k) * (1 + 0.7 * (q - 0.5)))),
          seasonalNaive: Array.from({ length: 28 }, (_, k) => Math.round(wave(k % 7) * 1.1)),
        },
      };
    }),
    rounds: rounds.map(({ round, dropped }) => ({
      round,
      attempt: round,
      requiredSurvivors: 5,
      threshold: 5,
      droppedIn: Object.fromEntries(dropped.map((id) => [id, 'train' as const])),
      rebuiltMasks: dropped.map((merchant) => ({ merchant, shares: 5, threshold: 5, holders: 6 })),
      killed: dropped[0],
      sumExact: true,
    })),
    seen: {
      merchant: ids[0]!,
      round: 1,
      numbers: 143_568,
      masked: ringHistogram(words, 48),
      unmasked: updateHistogram(update, 48),
    },
    engineReason: 'native TensorFlow is not installed',
    cores: 2,
    model: { size: 'nano', hash: 'ab'.repeat(32), parameters: 143_568, path: 'hansa-demo/run-1/model.safetensors' },
    task: taskFileSchema.parse({
      name: 'demo',
      model: 'model.safetensors',
      plan: {
        job: { kind: 'demand', frequency: 'day' },
        training: { steps: 40, batchSize: 32, learningRate: 0.001 },
        evaluation: { fineTuneSteps: 40, learningRates: [0.0003, 0.001] },
      },
      rounds: 5,
    }),
    fineTuneSteps: 40,
    versions: { hansa: '0.1.0', node: 'v20.20.2' },
    command: 'npm run demo -- --seed 1',
  };
}
