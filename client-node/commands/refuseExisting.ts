import { existsSync } from 'node:fs';
import { HansaError } from '@hansa/shared/errors';

/** Refuses a path that exists. @throws HansaError InvalidArgument */
export function refuseExisting(path: string): void {
  if (!existsSync(path)) return;
  throw new HansaError(
    'InvalidArgument',
    `${path} exists already. Name another place with --out, or remove this one first.`,
  );
}
