import type { Host } from './host.ts'

/**
 * Secrets that systemd passes as credentials, not by the env file: LoadCredential=,
 * systemd.exec(5).
 */
export interface Credentials {
  names: readonly string[]
  /** The values that could be read, by name. */
  values: Readonly<Record<string, string>>
}

/**
 * Reads the credentials from the unit's file and its drop-ins, because not every version of
 * systemctl show prints them.
 */
export const readCredentials = async (
  host: Host,
  unit: string,
  files: readonly string[]
): Promise<Credentials> => {
  const texts = await Promise.all(files.map((file) => host.readFile(file)))
  const settings = texts.flatMap((text) => [
    ...(text ?? '').matchAll(/^\s*LoadCredential(Encrypted)?=([\w.-]+)(?::(\S+))?/gm)
  ])
  const values: Record<string, string> = {}
  for (const [, encrypted, name = '', path] of settings) {
    const value =
      (await host.readFile(`/run/credentials/${unit}.service/${name}`)) ??
      (encrypted === undefined && path !== undefined ? await host.readFile(path) : undefined)
    if (value !== undefined) values[name] = value.replace(/\r?\n$/, '')
  }
  return { names: settings.map(([, , name = '']) => name), values }
}
