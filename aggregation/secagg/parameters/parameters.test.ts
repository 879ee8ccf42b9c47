import { describe, expect, it } from 'vitest';
import { hararyParameters, kOutParameters } from './index.ts';

describe('degree and threshold', () => {
  it.each([
    [0.05, 0.05, 100, 16, 11],
    [0.05, 0.05, 1000, 52, 37],
    [0.1, 0.05, 200, 40, 30],
    [0.1, 0.1, 500, 82, 57],
    [0.2, 0.1, 1000, 140, 104],
  ])(
    'for %f corrupt, %f dropped out, n = %i are those of the page: %i, %i',
    (corruptRate, dropoutRate, clients, degree, threshold) => {
      const wanted = { feasible: true, degree, threshold };
      expect(hararyParameters({ clients, corruptRate, dropoutRate, server: 'semiMalicious' })).toEqual(wanted);
      expect(kOutParameters(clients, corruptRate, dropoutRate)).toEqual(wanted);
    },
  );

  it('are fewer where the coordinator only looks', () => {
    const requirements = { clients: 1000, corruptRate: 0.05, dropoutRate: 0.05, server: 'semiHonest' } as const;
    expect(hararyParameters(requirements)).toEqual({ feasible: true, degree: 30, threshold: 17 });
  });

  it('are none where more may be corrupt or drop out than can be survived', () => {
    expect(kOutParameters(100, 0.3, 0.4)).toMatchObject({ feasible: false });
  });
});
