import type { Host } from './host.ts'

/**
 * Secrets that systemd hands over as credentials instead of by the env file: LoadCredential=,
 * systemd.exec(5).
 */
export interface Credentials {
  names: readonly string[]
  /** Those that could be read. */
  values: Readonly<Record<string, string>>
}

/** Of the unit's file and its drop-ins: systemctl show does not print them in all versions. */
export const readCredentials = async (
  host: Host,
  unit: string,
  files: readonly string[]
): Promise<Credentials> => {
  const texts = await Promise.all(files.map((file) => host.readFile(file)))
  const found = texts.flatMap((text) => [
    ...(text ?? '').matchAll(/^\s*LoadCredential(Encrypted)?=([\w.-]+)(?::(\S+))?/gm)
  ])
  const values: Record<string, string> = {}
  for (const [, encrypted, name = '', path] of found) {
    const value =
      (await host.readFile(`/run/credentials/${unit}.service/${name}`)) ??
      (encrypted === undefined && path !== undefined ? await host.readFile(path) : undefined)
    if (value !== undefined) values[name] = value.replace(/\r?\n$/, '')
  }
  return { names: found.map(([, , name = '']) => name), values }
}
