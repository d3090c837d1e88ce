import { chmodSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { apiToken, token } from '../end-to-end/daemon.ts'
import { programOf } from '../programs.ts'
import { startWhatsAppWeb, type WhatsAppWeb } from '../whatsapp-web/server.ts'
import { natsReady, startNats, startPostgres, type Where } from './databases.ts'
import { makeHosts, outside, type Host } from './network.ts'
import { openProfiles } from '../lab/processes.ts'
import type { Options } from './result.ts'
import { keepRunning, type Service } from './service.ts'

/**
 * Three hosts: `one` and `two` run session-managers, `hub` PostgreSQL and two replicas of
 * central-hub; each has a server of the NATS cluster. The account north is linked on `one` and
 * south on `two`, and the other host stands by for it.
 */

export const accounts = ['north', 'south'] as const
export type AccountName = (typeof accounts)[number]

export interface Layout {
  hosts: Readonly<Record<'one' | 'two' | 'hub', Host>>
  /** WhatsApp itself, an account each. */
  whatsapp: Readonly<Record<AccountName, WhatsAppWeb>>
  nats: readonly Service[]
  postgres: Service
  hubs: readonly Service[]
  hubUrls: readonly string[]
  /** The session-managers of an account, one on each host. */
  sessionManagers: Readonly<Record<AccountName, readonly Service[]>>
  /** The session-manager whose browser has the account open now. */
  owner(account: AccountName): Service | undefined
  /** The accounts that more than one browser has open now. */
  openTwice(): AccountName[]
}

export interface LayoutOptions
  extends Pick<Options, 'directory' | 'leaseTtl' | 'restartMs' | 'backupInterval'> {
  say: (text: string) => void
}

const hubPorts = [3012, 3013] as const
const port = { north: 3001, south: 3002 } as const
const backupKey = 'a-key-for-the-backups-of-tests-0123456789'

const program = (service: 'session-manager' | 'central-hub'): string[] => [
  process.execPath,
  programOf(service)
]

/** Resolves once it is so; nothing tells of it. */
const until = async (
  what: string,
  isSo: () => boolean | Promise<boolean>,
  ms = 90_000
): Promise<void> => {
  for (const end = Date.now() + ms; Date.now() < end; await delay(200)) if (await isSo()) return
  throw new Error(`${what}: not within ${ms / 1_000} s`)
}

/**
 * Starts everything, links the accounts, and resolves once both are READY and can be taken up
 * elsewhere.
 */
export const layOut = async ({
  directory,
  leaseTtl,
  restartMs,
  backupInterval,
  say
}: LayoutOptions): Promise<Layout> => {
  const hosts = await makeHosts('one', 'two', 'hub')
  const where: Where = { directory, logs: join(directory, 'logs'), restartMs, say }
  const nats = startNats(Object.values(hosts), where)
  const postgres = startPostgres(hosts.hub, where)
  await natsReady(nats.servers, say)
  say('a NATS cluster of three, and PostgreSQL')

  const shared = {
    NODE_ENV: 'production',
    LOG_LEVEL: 'info',
    SESSION_MANAGER_TOKEN: token,
    NATS_URL: nats.url,
    NATS_REPLICAS: '3'
  }
  const hubs = hubPorts.map((hubPort) =>
    keepRunning({
      ...where,
      name: `hub-${hubPort}`,
      host: hosts.hub,
      directory: join(directory, `hub-${hubPort}`),
      command: program('central-hub'),
      env: {
        ...shared,
        HOST: hosts.hub.wan,
        PORT: String(hubPort),
        ALLOWED_HOSTS: hosts.hub.wan,
        STATE_DIR: join(directory, `hub-${hubPort}`, 'state'),
        HUB_API_TOKEN: apiToken,
        DATABASE_URL: postgres.url,
        RATE_LIMIT: '1000000',
        SESSION_MANAGER_BASE_URL: `http://${hosts.one.lan}:${port.north}`,
        FURTHER_SESSION_MANAGERS: `south=http://${hosts.two.lan}:${port.south}`
      }
    })
  )
  const hubUrls = hubPorts.map((hubPort) => `http://${hosts.hub.wan}:${hubPort}`)
  const hubsAnswer = async (): Promise<void> => {
    await Promise.all(
      hubUrls.map((url) =>
        until(`${url} answers`, () =>
          fetch(`${url}/health`).then(
            ({ ok }) => ok,
            () => false
          )
        )
      )
    )
    say('two hubs')
  }

  const backups = join(directory, 'backups')
  mkdirSync(backups)
  chmodSync(backups, 0o777)
  const whatsapp = {} as Record<AccountName, WhatsAppWeb>
  const sessionManagers = {} as Record<AccountName, Service[]>
  const stateOf = (account: AccountName, host: Host): string =>
    join(directory, `${account}-${host.name}`, 'state')
  const startSessionManager = (account: AccountName, host: Host): Service =>
    keepRunning({
      ...where,
      name: `${account}-${host.name}`,
      host,
      directory: join(directory, `${account}-${host.name}`),
      command: program('session-manager'),
      env: {
        ...shared,
        HOST: host.lan,
        PORT: String(port[account]),
        ACCOUNT: account,
        STATE_DIR: stateOf(account, host),
        CHROMIUM_PATH: whatsapp[account].chromiumPath,
        LEASE_TTL: leaseTtl,
        RECONNECT_MAX_DELAY: '15s',
        // a chat has a message a second here, not one a minute: what is read again is shorter, too
        BACKFILL_INTERVAL: '1m',
        BACKFILL_OVERLAP: '1m',
        PROFILE_BACKUP: `file://${backups}`,
        PROFILE_BACKUP_KEY: backupKey,
        PROFILE_BACKUP_INTERVAL: backupInterval
      }
    })
  const link = async (account: AccountName, own: Host, other: Host): Promise<void> => {
    whatsapp[account] = await startWhatsAppWeb({
      directory: join(directory, `whatsapp-${account}`),
      address: outside
    })
    const owner = startSessionManager(account, own)
    await whatsapp[account].scan()
    await whatsapp[account].synced()
    await until(
      `a backup of ${account}`,
      () =>
        existsSync(join(backups, account)) &&
        readdirSync(join(backups, account)).some((file) => file.endsWith('.profile'))
    )
    sessionManagers[account] = [owner, startSessionManager(account, other)]
    say(`${account} is linked on ${own.name}, and ${other.name} stands by`)
  }
  await Promise.all([
    hubsAnswer(),
    link('north', hosts.one, hosts.two),
    link('south', hosts.two, hosts.one)
  ])

  const openOn = (account: AccountName): Service[] => {
    const open = openProfiles()
    return sessionManagers[account].filter(({ host }) =>
      open.has(join(stateOf(account, host), 'profile'))
    )
  }
  return {
    hosts,
    whatsapp,
    hubs,
    hubUrls,
    sessionManagers,
    postgres: postgres.server,
    nats: nats.servers,
    owner: (account) => {
      const last = whatsapp[account]
        .connections()
        .findLast(({ enteredAt, closedAt }) => enteredAt !== undefined && closedAt === undefined)
      return sessionManagers[account].find(({ host }) => host.wan === last?.from)
    },
    openTwice: () => accounts.filter((account) => openOn(account).length > 1)
  }
}
