import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Service } from '../../scripts/unit-options.ts'
import { notifySocket } from '../platform/notify-socket.ts'
import { ownDirectory } from '../platform/own-directory.ts'
import { centralHubEnv, freePort, sessionManagerEnv, startDaemon } from './daemon.ts'

/**
 * What `systemctl status` goes on showing of a daemon that could not start: why, in the words of
 * its log.
 */

t.setTimeout(900_000)

const files = { 'session-manager': 'journal.db', 'central-hub': 'hub.db' } as const
const envOf = (service: Service, port: number, stateDir: string): Record<string, string> =>
  service === 'session-manager'
    ? sessionManagerEnv({ port, stateDir, chromiumPath: '/bin/false' })
    : centralHubEnv({ port, stateDir, sessionManager: 'http://127.0.0.1:9' })

/** Starts a daemon that is not to come up. @returns its last STATUS= */
const refused = async (t: Test, service: Service, env: Record<string, string>): Promise<string> => {
  const socket = await notifySocket(t)
  const daemon = startDaemon(service, { ...env, NOTIFY_SOCKET: socket.path })
  const { code } = await daemon.ended
  t.ok(code === 1 || code === 78, `exit code ${code}`)
  const fatal = daemon.lines.find(({ level }) => level === 'fatal')
  const statuses = socket.received
    .map(({ state }) => state)
    .filter((state) => state.startsWith('STATUS='))
  const last = statuses.at(-1)?.slice('STATUS='.length) ?? ''
  t.equal(last, fatal?.msg.replace(/\s+/g, ' '), 'the last STATUS= is the fatal line of the log')
  t.notMatch(last, /stopping/)
  return last
}

for (const service of Object.keys(files) as Service[]) {
  t.test(`${service} shows why it cannot start`, async (t) => {
    const directory = (): string => join(ownDirectory(t), 'state')

    await t.test('on a port that is taken', async (t) => {
      const taker = createServer().listen(0, '127.0.0.1')
      await once(taker, 'listening')
      t.teardown(() => taker.close())
      const { port } = taker.address() as AddressInfo
      t.match(
        await refused(t, service, envOf(service, port, directory())),
        `${service} cannot start: HOST=127.0.0.1 PORT=${port} is taken by another program`
      )
    })

    await t.test('with a database that is damaged, and what helps', async (t) => {
      const state = directory()
      mkdirSync(state, { recursive: true })
      writeFileSync(join(state, files[service]), 'no database'.repeat(500))
      t.match(
        await refused(t, service, envOf(service, await freePort(), state)),
        new RegExp(
          `^${service} cannot start: the database in .* is damaged \\(file is not a database\\): put a backup in its place with scripts/restore\\. leadmaster-doctor prints`
        )
      )
    })

    await t.test('with a state directory in which something else is in the way', async (t) => {
      const state = directory()
      writeFileSync(state, '')
      t.match(
        await refused(t, service, envOf(service, await freePort(), state)),
        new RegExp(`^${service} cannot start: .*state`)
      )
    })

    await t.test('on an address that is none of this machine', async (t) => {
      t.match(
        await refused(t, service, {
          ...envOf(service, await freePort(), directory()),
          HOST: '192.0.2.77'
        }),
        `${service} cannot start: HOST is no address of this machine (listen EADDRNOTAVAIL`
      )
    })

    await t.test('on a name that nobody knows', async (t) => {
      t.match(
        await refused(t, service, {
          ...envOf(service, await freePort(), directory()),
          HOST: 'nobody.invalid'
        }),
        new RegExp(
          `^${service} cannot start: the name in HOST cannot be looked up \\(getaddrinfo E`
        )
      )
    })

    await t.test('with an environment that it refuses', async (t) => {
      t.match(
        await refused(t, service, {
          ...envOf(service, await freePort(), directory()),
          LOG_LEVEL: 'loud'
        }),
        `${service} cannot start: 1 fault in the environment: LOG_LEVEL="loud" is refused`
      )
    })
  })
}
