import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export type Service = 'session-manager' | 'central-hub'

/**
 * What the unit of a service gives to Node, for whoever starts it otherwise; read from the clone's
 * or release's deploy.
 */
export const nodeOptions = (root: string, service: Service): string[] => {
  const unit = readFileSync(join(root, `deploy/systemd/leadmaster-${service}.service`), 'utf8')
  const [, options] = /^ExecStart=\S+\/node((?: -\S+)*) \S+\/main\.js$/m.exec(unit) ?? []
  if (options === undefined) throw new Error(`leadmaster-${service}.service does not start node`)
  return options.split(' ').filter(Boolean)
}
