import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export type Service = 'session-manager' | 'central-hub'

/**
 * The options that the unit of a service gives to Node, for those who start it without systemd.
 * They are read from deploy in a clone or a release.
 */
export const nodeOptions = (root: string, service: Service): string[] => {
  const unit = readFileSync(join(root, `deploy/systemd/leadmaster-${service}.service`), 'utf8')
  const [, options] = /^ExecStart=\S+\/node((?: -\S+)*) \S+\/main\.js$/m.exec(unit) ?? []
  if (options === undefined) throw new Error(`leadmaster-${service}.service does not start node`)
  return options.split(' ').filter(Boolean)
}
