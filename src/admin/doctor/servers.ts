import type { Check } from './check.ts'
import { edited } from './environment.ts'
import { fault, ok, type Finding } from './finding.ts'
import { word } from '../installation/shell.ts'
import { hubs, restart, type Service, type Installation } from '../installation/installation.ts'

/** Connects to the database of the hubs and to NATS, as the services do. */

/** The command that opens the env file: doctor does not know the right value. */
const correct = (installation: Installation, service: Service, variable: string): string =>
  `"\${EDITOR:-vi}" ${word(edited(service).path)} # correct ${variable}, or start what it ` +
  `names; then: ${restart(installation, service)}`

export const checkServers: Check = async ({ host, installation, cause }) => {
  const findings: Finding[] = []
  const add = (
    name: string,
    service: Service,
    variable: string,
    reached: string,
    error: string | undefined
  ): void =>
    void findings.push(
      error === undefined
        ? ok(name, service.name, reached)
        : fault(name, service.name, error, correct(installation, service, variable))
    )
  for (const hub of hubs(installation)) {
    const { DATABASE_URL = '' } = hub.config ?? {}
    if (DATABASE_URL !== '' && !cause(hub.name, 'env file'))
      add(
        'database',
        hub,
        'DATABASE_URL',
        'the database of DATABASE_URL answers',
        await host.database(DATABASE_URL)
      )
  }
  for (const service of installation.services) {
    const { config } = service
    if (!config || config.NATS_URL.length === 0 || cause(service.name, 'env file')) continue
    const { NATS_URL: servers, NATS_CREDENTIALS: credentials, NATS_CA: ca } = config
    add(
      'nats',
      service,
      'NATS_URL',
      'a server of NATS_URL answers',
      await host.nats({ servers, credentials, ca })
    )
  }
  return findings
}
