import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../', import.meta.url));
const read = (path: string): string => readFileSync(`${root}${path}`, 'utf8');

const installed = spawnSync('docker-compose', ['version']).status === 0;
if (!installed) console.warn('SKIPPED: docker-compose is not installed; docker-compose.yml is not checked by it.');

it.skipIf(!installed)(
  'is a compose file whose every service is locked down and reachable from this machine alone',
  () => {
    // `config` resolves anchors and paths, so that the checks see what would run.
    const config = execFileSync('docker-compose', ['--file', 'docker-compose.yml', 'config'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const services = config
      .slice(config.indexOf('\nservices:\n'), config.indexOf('\nvolumes:\n'))
      .split(/\n {2}(?=\S)/)
      .slice(1);
    const names = services.map((service) => service.slice(0, service.indexOf(':')));
    expect(names.sort()).toEqual(['coordinator', 'grafana', 'node-1', 'node-2', 'node-3', 'prometheus', 'setup']);
    for (const service of services) {
      for (const setting of [
        'read_only: true',
        'init: true',
        'cap_drop:\n    - ALL',
        'no-new-privileges:true',
        'stop_grace_period: ',
      ]) {
        expect(service).toContain(setting);
      }
      expect(service).toMatch(/^ {4}image: \S+:v?\d+\.\d+\.\d+$/m);
      const ports = /^ {4}ports:\n((?: {4}- .*\n?)*)/m.exec(service)?.[1]?.trim().split('\n') ?? [];
      for (const port of ports) expect(port.trim()).toMatch(/^- 127\.0\.0\.1:\d+:\d+\/tcp$/);
    }
  },
);

it('names one base image, by its whole version, in every Dockerfile', () => {
  const bases = ['coordinator/Dockerfile', 'client-node/Dockerfile', 'test/compose/Dockerfile'].flatMap((path) =>
    [...read(path).matchAll(/^FROM (\S+)/gm)].map(([, image]) => image),
  );
  expect(new Set(bases)).toEqual(new Set([expect.stringMatching(/^node:\d+\.\d+\.\d+-bookworm-slim$/)]));
});

it('copies every workspace that the lock file names before it installs', () => {
  const { workspaces } = JSON.parse(read('package.json')) as { workspaces: string[] };
  for (const path of ['coordinator/Dockerfile', 'client-node/Dockerfile', 'test/compose/Dockerfile']) {
    const [beforeInstall] = read(path).split('RUN npm ci');
    for (const workspace of workspaces)
      expect(beforeInstall, path).toContain(`COPY ${workspace}/package.json ${workspace}/\n`);
  }
});

it('scrapes and serves the ports that the services listen on', () => {
  const compose = read('docker-compose.yml');
  const [, port] = /'--port', '(\d+)'/.exec(compose) ?? [];
  expect(read('dashboards/prometheus/prometheus.yml')).toContain(`['coordinator:${port}']`);
  expect(compose).toContain(`127.0.0.1:${port}:${port}`);
  expect(compose).toContain(`http://127.0.0.1:${port}/readyz`);
  expect(read('coordinator/Dockerfile')).toContain(`"--port", "${port}"`);
});
