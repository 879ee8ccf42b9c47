import { createHash } from 'node:crypto';
import { html } from '@hansa/shared/html';
import { describe, expect, it } from 'vitest';
import type { ModelMethod } from '../../../client-node/evaluation/compareMethods.ts';
import { simpleForecasts } from '../../../client-node/jobs/demand/baselines/index.ts';
import { dictionaries } from './dictionary/dictionary.ts';
import { reportFixture } from './fixture.ts';
import { histogram, largestShare, ringHistogram, updateHistogram } from './histogram.ts';
import { renderReport } from './page.ts';

const helped = renderReport(reportFixture([-6.1, -4.2, -0.6, -2.2, 0.8, -9.4]));

/** The page as one who reads one language sees it. */
function textOf(page: string, language: 'en' | 'zh'): string {
  const other = language === 'en' ? 'zh' : 'en';
  return page
    .replace(/<style>.*?<\/style>/s, '')
    .replace(new RegExp(`<(span|text) class="${other}[ "].*?</\\1>`, 'gs'), '')
    .replace(/<[^>]*>/g, ' ');
}

describe('the report', () => {
  it('loads nothing and runs nothing', () => {
    expect(helped).not.toMatch(/<script|<link|<img|<iframe|<object|@import|url\(|https?:\/\/|javascript:| on\w+=/i);
    const style = /<style>(.*?)<\/style>/s.exec(helped)?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    expect(helped).toContain(`default-src 'none'; style-src 'sha256-${hash}'`);
    // Inline style attributes would need 'unsafe-inline'.
    expect(helped).not.toMatch(/ style="/);
  });

  it('escapes what was read, in text and in attributes', () => {
    const data = reportFixture([-1, -2, -3, -4, -5]);
    const evil = `"><script>alert(1)</script>&'`;
    const page = renderReport({
      ...data,
      engineReason: evil,
      source: { kind: 'files', name: evil },
      merchants: data.merchants.map((merchant) => ({ ...merchant, id: evil, cleaning: { [evil]: 3 } })),
      result: {
        ...data.result,
        merchants: data.result.merchants.map((merchant) => ({ ...merchant, id: evil })),
        rounds: data.result.rounds.map((round) => ({ ...round, outcome: 'abandoned', reason: evil, dropped: [evil] })),
      },
    });
    expect(page).not.toContain('<script');
    expect(page).not.toContain(evil);
    expect(html`<a title="${evil}">${evil}</a>`.html).toBe(
      '<a title="&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;&#39;">&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;&#39;</a>',
    );
  });

  it('says everything in both languages', () => {
    const en = helped.match(/class="en[ "]/g) ?? [];
    const zh = helped.match(/class="zh[ "]/g) ?? [];
    expect(en.length).toBeGreaterThan(150);
    expect(zh.length).toBe(en.length);
    const english = textOf(helped, 'en');
    const chinese = textOf(helped, 'zh');
    expect(english.replace('中文', '')).not.toMatch(/\p{Script=Han}/u);
    for (const words of [
      'The league helped',
      'What the coordinator saw',
      'What is NOT protected',
      'Seasonal naive',
      'taken from the demo node’s own folder',
    ]) {
      expect(english).toContain(words);
      expect(chinese).not.toContain(words);
    }
    for (const words of [
      '联盟有帮助',
      '协调者看到了什么',
      '哪些不受保护',
      '季节性朴素预测',
      '取自演示节点自己的文件夹',
    ]) {
      expect(chinese).toContain(words);
    }
    expect(`${english}${chinese}`).not.toMatch(/undefined|NaN|\[object/);
  });

  it('shows every forecast that was compared by every measure, and the model to use, in both languages', () => {
    const models: readonly ModelMethod[] = ['untrained', 'localOnly', 'federated', 'fineTuned', 'blended'];
    const names = [...simpleForecasts.map(({ name }) => name), ...models];
    for (const language of ['en', 'zh'] as const) {
      const text = textOf(helped, language);
      for (const name of names) {
        expect(dictionaries[language].forecast(name)).not.toBe(name);
        expect(text).toContain(dictionaries[language].forecast(name));
      }
      const { mase, bias, coverage, toUse, bestSimple, forecast } = dictionaries[language];
      for (const words of [mase, bias, coverage, bestSimple, `${forecast('blended')} ← ${toUse}`])
        expect(text).toContain(words);
    }
    // In the fixture it is a hundredth worse than own data only, everywhere.
    expect(textOf(helped, 'en')).toMatch(/Best simple one\s+Exponential smoothing/);
    expect(textOf(helped, 'en')).toContain('the simple forecast that does best there for all 6');
  });

  it('stars the simple forecast where nothing else is as good', () => {
    const data = reportFixture([-1, -2, -3, -4, -5]);
    const merchants = data.result.merchants.map((merchant) => ({
      ...merchant,
      simple: { ...merchant.simple, tsb: 0.01 },
    }));
    const text = textOf(renderReport({ ...data, result: { ...data.result, merchants } }), 'en');
    expect(text.match(/Best simple one ★/g)).toHaveLength(5);
    expect(text).not.toContain('League, fine-tuned ★');
    expect(text).toContain('for 0 of 5, not for merchant-1');
  });

  it('tells of the killed merchant, of losses, of model, seed and settings', () => {
    const english = textOf(helped, 'en');
    for (const words of [
      'merchant-4 was killed after it had handed out its key shares. 5 of 6 shares rebuilt its masks',
      'One lost, merchant-5',
      'ab'.repeat(32),
      'npm run demo -- --seed 1',
      '40 steps of 32 windows',
      '5 of 6; at least 5 needed',
    ]) {
      expect(english).toContain(words);
    }
  });

  it('judges by the figures, not by the name of the world', () => {
    const lost = reportFixture([3.1, 4.2, -0.6, 2.2, 0.8, 1.4]);
    for (const world of ['shared', 'unrelated']) {
      const page = renderReport({ ...lost, source: { kind: 'generated', world } });
      expect(textOf(page, 'en')).toContain('The league did not help');
      expect(textOf(page, 'zh')).toContain('联盟没有帮助');
    }
    const page = renderReport({
      ...reportFixture([-5, -5, -5, -5, -5]),
      source: { kind: 'generated', world: 'unrelated' },
    });
    expect(textOf(page, 'en')).toContain('The league helped');
  });

  it('never calls a wrong sum exact', () => {
    const data = reportFixture([-5, -5, -5, -5, -5]);
    const page = renderReport({
      ...data,
      result: { ...data.result, sumExact: false },
      rounds: data.rounds.map((round) => ({ ...round, sumExact: false })),
    });
    const english = textOf(page, 'en');
    expect(english).toContain('WRONG');
    expect(english).not.toMatch(/sum is exact|✓ exact/);
  });

  it('stands without intervals, forecasts and the seen vector', () => {
    const data = reportFixture([-5, -5, -5, -5, -5]);
    const page = renderReport({
      ...data,
      seen: undefined,
      merchants: data.merchants.map((merchant) => ({
        ...merchant,
        wqlIntervals: {},
        againstLocal: {},
        forecast: undefined,
        cleaning: {},
      })),
    });
    expect(textOf(page, 'en')).toContain('No forecast to draw.');
  });
});

describe('histograms', () => {
  it('puts every word in one bin', () => {
    const words = Uint32Array.of(0, 2 ** 31, 2 ** 32 - 1);
    expect(ringHistogram(words, 2)).toEqual({ low: 0, high: 2 ** 32, counts: [1, 2], outside: 0 });
    expect(histogram([-1, 0, 0.99, 1], 0, 1, 4)).toEqual({ low: 0, high: 1, counts: [1, 0, 0, 1], outside: 2 });
  });

  it('reads updates as signed numbers and leaves the rare ones out of the picture', () => {
    const update = Uint32Array.from({ length: 1000 }, (_, i) => (i === 0 ? 1_000_000 : (i % 21) - 10) >>> 0);
    const { low, high, outside, counts } = updateHistogram(update, 20);
    expect([low, high]).toEqual([-10, 10]);
    expect(counts.reduce((sum, count) => sum + count, outside)).toBe(1000);
    expect(largestShare({ low: 0, high: 1, counts: [3, 1], outside: 0 })).toBe(0.75);
  });
});
