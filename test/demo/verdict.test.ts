import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dictionaries } from './report/dictionary/dictionary.ts';
import type { MerchantResult } from './result.ts';
import { bestSimple, changePercent, judge as judgeWith, median, type Verdict } from './verdict.ts';

/** A league whose fine-tuned model changes each merchant's error by these per cents of local-only's. */
function league(changes: number[], simple = 2, federated = 0.99): MerchantResult[] {
  return changes.map((change, i) => {
    const wql = { seasonalNaive: simple + 1, localOnly: 1, federated, fineTuned: 1 + change / 100 };
    return {
      id: `merchant-${i + 1}`,
      rows: 10,
      series: 1,
      steps: 1,
      wql,
      wape: wql,
      simple: { seasonalNaive: simple + 1, ets: simple, zero: 4 },
    };
  });
}

/** Judges with intervals of so many per cent to either side. */
function judge(merchants: MerchantResult[], reach = 1): Verdict {
  const around = merchants.map(({ id, wql }) => {
    const change = changePercent(wql.fineTuned, wql.localOnly);
    return [id, [change - reach, change + reach]] as const;
  });
  return judgeWith(merchants, new Map(around));
}

const both = [dictionaries.en, dictionaries.zh] as const;

describe('the verdict', () => {
  it('says that the league helped when most gained a worthwhile amount', () => {
    const verdict = judge(league([-5, -3, -4, -2, -6, 1]));
    expect(verdict).toMatchObject({
      helped: true,
      gained: 5,
      lost: 1,
      worst: { id: 'merchant-6' },
      best: { id: 'merchant-5' },
    });
    expect(dictionaries.en.verdictFirst(verdict)).toContain('5 of 6 merchants forecast better');
    expect(dictionaries.en.verdictSecond(verdict)).toContain(
      'One lost, merchant-6 (+1.0\u00a0%), and should keep its own model',
    );
  });

  it('names every kind of loss', () => {
    const { en } = dictionaries;
    expect(en.verdictSecond(judge(league([-5, -3, -4])))).toContain(
      'Nobody lost, the least lucky being merchant-2 (−3.0\u00a0%)',
    );
    expect(en.verdictSecond(judge(league([-5, -3, 2, 4])))).toContain(
      '2 lost, merchant-4 the most (+4.0\u00a0%), and should keep their own',
    );
    expect(en.verdictSecond(judge(league([-5, 30], 1.2)))).toContain('for 1 of 2, not for merchant-2');
  });

  it.each([
    [[3, 4, 5, -1, 2, 8], 'Only 1 of 6'],
    [[3, 4, 5, 1, 2, 8], 'None of 6'],
    [[-0.1, -0.2, -0.1, -0.3, 1, 2], '4 of 6 merchants'],
    [[0, 0, 0], 'None of 3'],
  ])('says that the league did not help for %j', (changes, words) => {
    const verdict = judge(league(changes));
    expect(verdict.helped).toBe(false);
    expect(dictionaries.en.verdictFirst(verdict)).toContain(words);
    expect(dictionaries.en.verdictDidNotHelp).toBe('The league did not help');
    expect(dictionaries.zh.verdictDidNotHelp).toBe('联盟没有帮助');
  });

  it('needs gains that outweigh the losses by more than chance', () => {
    // Four of six gain more than half a per cent; as much is lost.
    const even = judge(league([-4, -0.8, -0.6, -0.55, 2.5, 3.2]));
    expect(even).toMatchObject({ helped: false, gained: 4, smallInTheMiddle: false });
    expect(dictionaries.en.verdictFirst(even)).toContain('does not outweigh what others lost by more than chance');
    // The mean of six is known to 1.96 · 3 / 1.96 / √6 = 1.22 where each is known to 3.
    const changes = [-3, -2, -1, -1, -1, 2];
    const { average } = judge(league(changes), 3);
    expect(average.percent).toBeCloseTo(-1, 6);
    expect(average.high - average.percent).toBeCloseTo(3 / Math.sqrt(6), 6);
    expect(judge(league(changes), 3).helped).toBe(false);
    expect(judge(league(changes), 2).helped).toBe(true);
    // Without intervals nobody can tell.
    expect(judgeWith(league([-5, -5, -5]), new Map()).helped).toBe(false);
  });

  it('needs a league model that is no worse than their own before any tuning', () => {
    const tuned = [-5, -3, -4, -2, -6, 1];
    expect(judge(league(tuned, 2, 1)).helped).toBe(true);
    const verdict = judge(league(tuned, 2, 1.007));
    expect(verdict).toMatchObject({ helped: false, gained: 5, nothingInCommon: true });
    expect(dictionaries.en.verdictFirst(verdict)).toContain('nothing that they have in common');
    expect(dictionaries.en.verdictFirst(verdict)).toContain('(+0.7\u00a0%)');
  });

  it('is two sentences that name the worst merchant, whatever the figures', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -90, max: 200, noNaN: true }), { minLength: 1, maxLength: 12 }),
        fc.double({ min: 0, max: 3, noNaN: true }),
        (changes, simple) => {
          const verdict = judge(league(changes, simple));
          for (const d of both) {
            const second = d.verdictSecond(verdict);
            expect(second).toContain(verdict.worst.id);
            const sentences = `${d.verdictFirst(verdict)} ${second}`.match(/\.(?= |$)|。/g) ?? [];
            expect(sentences).toHaveLength(2);
            expect(`${d.verdictFirst(verdict)}${second}`).not.toMatch(/NaN|Infinity|undefined/);
          }
        },
      ),
      { seed: 3, numRuns: 200 },
    );
  });
});

it('holds the fine-tuned model against the simple forecast that does best at each merchant', () => {
  const [better, worse] = league([-5, 5], 1);
  expect(bestSimple(better!)).toEqual({ name: 'ets', wql: 1 });
  const another = { ...worse!, simple: { ...worse!.simple, tsb: 0.9 } };
  expect(judge([better!, another])).toMatchObject({
    betterThanSimple: 1,
    worseThanSimple: ['merchant-2'],
    medianAgainstSimple: expect.closeTo((-5 + 100 * (1.05 / 0.9 - 1)) / 2, 9),
  });
});

it('measures change and the middle', () => {
  expect(changePercent(0.9, 1)).toBeCloseTo(-10);
  expect(changePercent(0, 0)).toBe(0);
  expect(changePercent(1, 0)).toBe(100);
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
});
