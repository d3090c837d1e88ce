import { setTimeout as delay } from 'node:timers/promises'
import { accounts, type AccountName, type Layout } from './layout.ts'
import type { Host, Network } from './network.ts'
import { descendants, killAll } from '../lab/processes.ts'
import type { Service } from './service.ts'

/** What is done to the hosts, each in words and as a deed that resolves once it is over. */

export interface Fault {
  /** What it hits, in words. */
  at: string
  run(): Promise<void>
}

export interface FaultOptions {
  layout: Layout
  random: () => number
  /** How long a host is cut off, and a NATS server is lost, ms. */
  cutMs: number
  lostMs: number
}

/** NATS needs some time to choose who leads it, and that may take more than one attempt. */
const takeoverMs = 60_000

const oneOf = <T>(random: () => number, items: readonly T[]): T | undefined =>
  items[Math.floor(random() * items.length)]

const ownerOf = ({ layout, random }: FaultOptions): Service | undefined =>
  layout.owner(oneOf(random, accounts) as AccountName)

const killed = (service: Service | undefined): Fault | undefined =>
  service && { at: service.name, run: () => service.kill('SIGKILL') }

/** Of what a service started, all that `isIt`. */
const killedWithin = (
  service: Service | undefined,
  isIt: (command: string) => boolean
): Fault | undefined => {
  const pid = service?.pid()
  if (service === undefined || pid === undefined) return undefined
  return {
    at: service.name,
    run: async () =>
      killAll(
        descendants(pid)
          .filter(({ command }) => isIt(command))
          .map((found) => found.pid)
      )
  }
}

/** For as long as that, and until it may end. */
const cutOff = (
  host: Host,
  networks: Network[],
  ms: number,
  mayEnd = (): boolean => true
): Fault => ({
  at: host.name,
  run: async () => {
    host.cut(...networks)
    await delay(ms)
    for (const end = Date.now() + takeoverMs; !mayEnd() && Date.now() < end; ) await delay(100)
    host.mend()
  }
})

/** The host of an account's owner, at least until another one has the account. */
const ownerCutOff = (
  { layout, random, cutMs }: FaultOptions,
  networks: Network[]
): Fault | undefined => {
  const account = oneOf(random, accounts) as AccountName
  const host = layout.owner(account)?.host
  return (
    host &&
    cutOff(host, networks, cutMs, () => ![undefined, host].includes(layout.owner(account)?.host))
  )
}

const lost = (server: Service | undefined, ms: number): Fault | undefined =>
  server && {
    at: server.name,
    run: async () => {
      await server.down()
      await delay(ms)
      server.up()
    }
  }

const stopped = (service: Service | undefined, ms: number): Fault | undefined => {
  const pid = service?.pid()
  if (service === undefined || pid === undefined) return undefined
  return {
    at: service.name,
    run: async () => {
      process.kill(pid, 'SIGSTOP')
      await delay(ms)
      if (service.pid() === pid) process.kill(pid, 'SIGCONT')
    }
  }
}

/** One replica after the other, each back before the next goes: as an upgrade does it. */
const rolled = ({ layout: { hubs, hubUrls } }: FaultOptions): Fault => ({
  at: hubs.map(({ name }) => name).join(', then '),
  run: async () => {
    for (const [index, hub] of hubs.entries()) {
      await hub.kill('SIGTERM')
      for (let ready = false; !ready; await delay(200))
        ready = await fetch(`${hubUrls[index]}/health`).then(
          ({ ok }) => ok,
          () => false
        )
    }
  }
})

/**
 * The owner of each account in turn, in order: the other host has the account before the next one
 * goes, as an upgrade does it.
 */
const ownersRolled = ({ layout }: FaultOptions): Fault | undefined => {
  const owners = accounts.map((account) => ({ account, owner: layout.owner(account) }))
  if (owners.some(({ owner }) => owner === undefined)) return undefined
  return {
    at: owners.map(({ owner }) => owner?.name).join(', then '),
    run: async () => {
      for (const { account, owner } of owners) {
        await owner?.kill('SIGTERM')
        for (
          const end = Date.now() + takeoverMs;
          [undefined, owner].includes(layout.owner(account)) && Date.now() < end;
        )
          await delay(100)
      }
    }
  }
}

/** Each gives nothing when what it would hit is not there just now. */
export const kinds: Readonly<Record<string, (options: FaultOptions) => Fault | undefined>> = {
  'kill -9 session-manager': (options) => killed(ownerOf(options)),
  'kill -9 Chromium': (options) =>
    killedWithin(ownerOf(options), (command) => command.includes('chromium')),
  'kill -9 lease guard': (options) =>
    killedWithin(ownerOf(options), (command) => command.includes('lease-guard')),
  'kill -9 hub': ({ layout, random }) => killed(oneOf(random, layout.hubs)),
  'kill -9 NATS server': ({ layout, random }) => killed(oneOf(random, layout.nats)),
  'kill -9 PostgreSQL backend': ({ layout }) =>
    killedWithin(layout.postgres, (command) => command.includes('leadmaster postgres')),
  'kill -9 PostgreSQL': ({ layout }) => killed(layout.postgres),
  'NATS server lost': ({ layout, random, lostMs }) => lost(oneOf(random, layout.nats), lostMs),
  // its browser runs on, and nobody in it can close it
  'owner put to sleep': (options) => stopped(ownerOf(options), options.cutMs),
  // WhatsApp still reaches it: whoever has lost the lease must close its browser by itself
  'owner cut off from the hosts': (options) => ownerCutOff(options, ['lan']),
  'owner cut off from all': (options) => ownerCutOff(options, ['lan', 'wan']),
  'hub host cut off from the hosts': ({ layout, cutMs }) =>
    cutOff(layout.hosts.hub, ['lan'], cutMs),
  'hub host cut off from all': ({ layout, cutMs }) =>
    cutOff(layout.hosts.hub, ['lan', 'wan'], cutMs),
  'hubs rolled': rolled,
  'session-managers rolled': ownersRolled
}

/** Every kind as often as `times` says, in an order drawn by lot. */
export const draw = (random: () => number, times: (kind: string) => number): string[] =>
  Object.keys(kinds)
    .flatMap((kind) => Array.from({ length: times(kind) }, () => ({ kind, die: random() })))
    .sort((a, b) => a.die - b.die)
    .map(({ kind }) => kind)
