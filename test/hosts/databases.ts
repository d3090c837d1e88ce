import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Host } from './network.ts'
import { keepRunning, onHost, type Service, type ServiceOptions } from './service.ts'

/** What is not ours: a PostgreSQL, and a NATS server on each host, which are one cluster. */

export type Where = Pick<ServiceOptions, 'logs' | 'restartMs' | 'say'> & { directory: string }

const postgres = '/usr/lib/postgresql/15/bin'
const password = 'a-password-for-tests'
const restartBehindMs = 60_000

/**
 * A NATS server on each host; they keep streams on disk, each on all three if a stream asks for it.
 */
export const startNats = (
  hosts: readonly Host[],
  where: Where
): { servers: Service[]; url: string } => {
  const routes = hosts.map(({ lan }) => `nats-route://${lan}:6222`).join(', ')
  const servers = hosts.map((host) => {
    const directory = join(where.directory, `nats-${host.name}`)
    const file = `${directory}.conf`
    writeFileSync(
      file,
      `server_name: ${host.name}
listen: ${host.lan}:4222
http: ${host.wan}:8222
# a server that is cut off is given up after 6 s, not 4 minutes, and what is sent to it holds up the others for 2 s, not 10
ping_interval: "2s"
ping_max: 2
write_deadline: "2s"
jetstream { store_dir: "${directory}", max_memory_store: 64MB, max_file_store: 4GB }
cluster { name: leadmaster, listen: ${host.lan}:6222, routes: [${routes}] }
`
    )
    return keepRunning({
      ...where,
      name: `nats-${host.name}`,
      host,
      directory,
      command: ['nats-server', '-c', file]
    })
  })
  return { servers, url: hosts.map(({ lan }) => `nats://${lan}:4222`).join(',') }
}

/** What a server says of its health, `ok` when nothing is amiss. */
const healthOf = async ({ name, wan }: Host): Promise<string> => {
  try {
    const res = await fetch(`http://${wan}:8222/healthz`, { signal: AbortSignal.timeout(2_000) })
    return res.ok ? 'ok' : `${name}: ${await res.text()}`
  } catch (error) {
    return `${name}: ${error instanceof Error ? error.message : String(error)}`
  }
}

/**
 * Resolves once all servers are up and have caught up with their leaders. After a host was cut off
 * that takes up to a minute. A server that is still behind then is restarted, as its operator
 * would: nats-server 2.9.10 can stay "not current with the meta leader" until its next start
 * (nats-io/nats-server#3563).
 */
export const natsReady = async (
  servers: readonly Service[],
  say: (text: string) => void,
  ms = 240_000
): Promise<void> => {
  const behindSince = new Map<Service, number>()
  let reasons: string[] = []
  for (const end = Date.now() + ms; Date.now() < end; await delay(200)) {
    const health = await Promise.all(servers.map(({ host }) => healthOf(host)))
    reasons = health.filter((words) => words !== 'ok')
    if (reasons.length === 0) return
    for (const [index, server] of servers.entries()) {
      if (health[index] === 'ok') behindSince.delete(server)
      else if (!behindSince.has(server)) behindSince.set(server, Date.now())
      else if (Date.now() - behindSince.get(server)! > restartBehindMs) {
        say(`restarting ${server.name}: ${health[index]}`)
        await server.kill('SIGTERM')
        // one at a time, so that the other two stay a majority
        behindSince.clear()
        break
      }
    }
  }
  throw new Error(`the NATS servers are no cluster after ${ms / 1_000} s: ${reasons.join('; ')}`)
}

export const startPostgres = (host: Host, where: Where): { server: Service; url: string } => {
  const directory = join(where.directory, 'postgres')
  const passwordFile = join(where.directory, 'postgres-password')
  writeFileSync(passwordFile, password)
  const initdb = [
    'sh',
    '-c',
    `${postgres}/initdb -D '${directory}/data' -U leadmaster -E UTF8 --locale=C.UTF-8 --auth=scram-sha-256 --pwfile='${passwordFile}' && echo 'host all all 10.77.0.0/24 scram-sha-256' >>'${directory}/data/pg_hba.conf'`
  ]
  execFileSync(...onHost(host, directory, {}, initdb), { stdio: ['ignore', 'ignore', 'inherit'] })
  // machines that boot beside this one empty /dev/shm
  const command = [
    `${postgres}/postgres`,
    '-D',
    `${directory}/data`,
    '-c',
    'dynamic_shared_memory_type=mmap',
    '-c',
    `listen_addresses=${host.lan}`,
    '-c',
    `unix_socket_directories=${directory}`
  ]
  const server = keepRunning({ ...where, name: 'postgres', host, directory, command })
  return { server, url: `postgres://leadmaster:${password}@${host.lan}:5432/postgres` }
}
