import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockIdentity } from './identityLock.ts';

describe('lockIdentity', () => {
  let folder: string;
  let path: string;
  let child: ChildProcess | undefined;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'hansa-lock-'));
    path = join(folder, 'identity.lock');
  });
  afterEach(() => {
    child?.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });

  /** Another process that takes the lock and says so. */
  async function holder(): Promise<ChildProcess> {
    const script = join(folder, 'holder.ts');
    const module = fileURLToPath(new URL('./identityLock.ts', import.meta.url));
    writeFileSync(
      script,
      `import { lockIdentity } from ${JSON.stringify(module)};\nlockIdentity(${JSON.stringify(path)});\nprocess.send?.('held');\nsetInterval(() => {}, 1e6);\n`,
    );
    const process_ = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), script], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    await once(process_, 'message');
    return process_;
  }

  it('is free again after release', () => {
    lockIdentity(path).release();
    const lock = lockIdentity(path);
    lock.release();
    lock.release();
  });

  it('refuses a second holder in this process', () => {
    const lock = lockIdentity(path);
    expect(() => lockIdentity(path)).toThrow(expect.objectContaining({ code: 'IdentityLocked', exitStatus: 2 }));
    lock.release();
  });

  it('refuses a second process, and is freed by kill -9 of the first', async () => {
    child = await holder();
    expect(() => lockIdentity(path)).toThrow(expect.objectContaining({ code: 'IdentityLocked' }));
    child.kill('SIGKILL');
    await once(child, 'exit');
    lockIdentity(path).release();
  });

  it('names a folder that cannot be used', () => {
    expect(() => lockIdentity(join(folder, 'absent', 'identity.lock'))).toThrow(
      expect.objectContaining({ code: 'DataFolderUnusable', exitStatus: 2 }),
    );
  });
});
