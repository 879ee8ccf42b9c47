import { describe, expect, it } from 'vitest';
import { HansaError } from './hansaError.ts';
import { fromProblem, problemSchema, toProblem } from './problem.ts';

const wire = (error: unknown) => problemSchema.parse(JSON.parse(JSON.stringify(toProblem(error))));

describe('problem documents', () => {
  it('carry code, message and details to the other side', () => {
    const error = new HansaError('WrongShare', 'Member 3 revealed another share.', { culprit: 3, dealer: 5 });
    expect(wire(error)).toEqual({
      type: 'urn:hansa:error:WrongShare',
      title: 'WrongShare',
      status: 400,
      detail: 'Member 3 revealed another share.',
      code: 'WrongShare',
      retry: false,
      details: { culprit: 3, dealer: 5 },
    });
    const arrived = fromProblem(wire(error));
    expect(arrived).toBeInstanceOf(HansaError);
    expect(arrived).toMatchObject({ code: 'WrongShare', message: error.message, details: { culprit: 3, dealer: 5 } });
  });

  it('have no details where there are none', () => {
    expect(wire(new HansaError('NotFound', 'There is no such task.'))).not.toHaveProperty('details');
    expect(fromProblem(wire(new HansaError('NotFound', 'There is no such task.'))).details).toEqual({});
  });

  it("lose the fields of a peer's details that do not fit the code", () => {
    const problem = wire(new HansaError('WrongShare', 'Another share.'));
    const details = { culprit: -1, dealer: 5, index: 2, toString: 'x', ['__proto__']: { culprit: 1 } };
    expect(fromProblem({ ...problem, details }).details).toEqual({ dealer: 5 });
    expect(fromProblem({ ...problem, code: 'NotFound', details }).details).toEqual({});
  });

  it('of an unknown code become Internal and keep the message', () => {
    const problem = { ...wire(new HansaError('NotFound', 'It is gone.')), code: 'Gone' };
    expect(fromProblem(problem)).toMatchObject({
      code: 'Internal',
      message: 'It is gone.',
      details: { peerCode: 'Gone' },
    });
    expect(fromProblem({ ...problem, code: 'constructor' }).code).toBe('Internal');
  });

  it('of anything but a HansaError reveal nothing of it', () => {
    expect(JSON.stringify(wire(new Error('a secret path')))).not.toContain('secret');
    expect(wire('thrown').code).toBe('Internal');
  });
});

describe('details', () => {
  it('are typed by code', () => {
    const error = new HansaError('InvalidData', 'A file ends early.', { line: 7 }) as HansaError;
    // @ts-expect-error: which details there are is known only with the code
    expect(error.details.line).toBe(7);
    if (error.code !== 'InvalidData') throw error;
    const line: number | undefined = error.details.line;
    expect(line).toBe(7);
    // @ts-expect-error: a line has a number
    new HansaError('InvalidData', '', { line: '7' });
    // @ts-expect-error: NotFound has no details
    new HansaError('NotFound', '', { line: 7 });
    // @ts-expect-error: there is no such code
    new HansaError('Lost', '');
  });
});
