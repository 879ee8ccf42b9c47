import type { BenchCase } from '../../report.ts';
import type { Round, Share } from './timing.ts';

const LIMIT = 1.25;

/** The same moments where the coordinator takes vectors as fast as the lines bring them. */
const atLineSpeed = ({ moments, lineSpeedGainMs }: Round): number => moments.modelStored! - lineSpeedGainMs;

/** Tells of both rounds on standard error; the cases that compare them. */
export function report(setup: Share, masked: Round, plain: Round): { cases: BenchCase[]; told: unknown } {
  const [withMasks, without] = [masked, plain].map(({ moments }) => moments.modelStored!) as [number, number];
  const ratio = withMasks / without;
  for (const [name, { moments }] of Object.entries({ 'with masks': masked, 'without masks': plain }))
    process.stderr.write(
      `critical path, ${name}: ${Object.entries(moments)
        .map(([moment, atMs]) => `${moment} ${atMs.toFixed(0)}`)
        .join(', ')} ms\n`,
    );
  const lineSpeed = atLineSpeed(masked) / atLineSpeed(plain);
  process.stderr.write(
    `critical path: ${ratio.toFixed(3)} of the round without masks (at most ${LIMIT}); ${lineSpeed.toFixed(3)} if taking vectors cost the coordinator nothing\n`,
  );
  const against = 'critical path, without masks';
  const share = (name: string, value: number, unit: string, other: number): BenchCase[] => [
    { name: `${name}, without masks`, value: other, unit },
    { name: `${name}, with masks`, value, unit, against: `${name}, without masks`, ratio: value / other },
  ];
  return {
    cases: [
      { name: against, value: without, unit: 'ms' },
      {
        name: 'critical path, with masks',
        value: withMasks,
        unit: 'ms',
        against,
        ratio,
        limit: LIMIT,
        pass: ratio <= LIMIT,
      },
      {
        name: 'critical path at line speed, with masks',
        value: atLineSpeed(masked),
        unit: 'ms',
        against: 'the same without masks',
        ratio: lineSpeed,
      },
      ...share('own processor time per client', masked.node.processorMs / 1000, 's', plain.node.processorMs / 1000),
      ...share('own bytes up per client', masked.node.bytesUp, 'B', plain.node.bytesUp),
      ...share('own bytes down per client', masked.node.bytesDown, 'B', plain.node.bytesDown),
      { name: 'set-up ahead of the round, processor time per client', value: setup.processorMs / 1000, unit: 's' },
      { name: 'set-up ahead of the round, bytes up per client', value: setup.bytesUp, unit: 'B' },
      { name: 'set-up ahead of the round, bytes down per client', value: setup.bytesDown, unit: 'B' },
    ],
    told: { momentsMs: { withMasks: masked.moments, withoutMasks: plain.moments } },
  };
}
