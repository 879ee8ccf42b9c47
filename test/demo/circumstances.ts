import { readFile } from 'node:fs/promises';

/** Local time, YYYY-MM-DD HH:MM. */
export function localTime(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** The releases that a run depends on, by name. */
export async function versions(): Promise<Record<string, string>> {
  const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return { Hansa: version, 'Node.js': process.version, platform: `${process.platform}-${process.arch}` };
}

/** An argument as a shell takes it. */
export function quoted(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}
