/** Does the work for every value, at most `width` at once; the first failure is thrown once those under way have ended. */
export async function inParallel<T>(
  values: readonly T[],
  width: number,
  work: (value: T) => Promise<void>,
): Promise<void> {
  const left = [...values];
  let failed = false;
  const worker = async (): Promise<void> => {
    for (let value = left.shift(); value !== undefined && !failed; value = left.shift()) {
      try {
        await work(value);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const workers = await Promise.allSettled(Array.from({ length: width }, worker));
  for (const result of workers) if (result.status === 'rejected') throw result.reason;
}
