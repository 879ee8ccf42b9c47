import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const mounted: string[] = [];

/** Mounts a file system of its own, such as 'size=64k,ro', at a folder, which is made where it does not exist. */
export function mount(at: string, options: string): void {
  mkdirSync(at, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', at], { stdio: 'ignore' });
  mounted.push(at);
}

/** Unmounts what {@link mount} has mounted. */
export function unmountAll(): void {
  for (const at of mounted.splice(0)) execFileSync('umount', [at]);
}

/** Whether this process may mount. A full or read-only disk takes it, since root ignores file modes; where it may not, the tests skip and are counted. */
export const canMount = ((): boolean => {
  const probe = mkdtempSync(join(tmpdir(), 'hansa-mount-'));
  try {
    mount(probe, 'size=64k');
    unmountAll();
    return true;
  } catch {
    return false;
  } finally {
    rmSync(probe, { recursive: true });
  }
})();
