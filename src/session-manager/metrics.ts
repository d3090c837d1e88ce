import { Counter, Gauge, type Registry } from 'prom-client'
import type { Log } from '../platform/log.ts'
import type { Cluster } from './cluster/start.ts'
import type { Config } from './config.ts'
import type { Journal } from './journal/journal.ts'
import type { Recording } from './recording.ts'
import type { Connection } from './session/connection.ts'
import { OutboundCounts } from './session/outbound.ts'
import { steps } from './session/stall.ts'

export interface Counters {
  earDifferences: Counter<'kind'>
  stalls: Counter<'step'>
  outbound: OutboundCounts
}

export const createCounters = (registry: Registry, log: Log): Counters => ({
  earDifferences: new Counter({
    name: 'leadmaster_ear_differences_total',
    help:
      'what one of whatsapp-web.js and our own listeners in the page heard ' +
      'and the other did not, by kind',
    labelNames: ['kind'] as const,
    registers: [registry]
  }),
  stalls: createStallCounter(registry),
  outbound: new OutboundCounts(registry, log)
})

/** It begins at 0, because Prometheus sees no increase in a counter that begins at 1. */
const createStallCounter = (registry: Registry): Counter<'step'> => {
  const stalls = new Counter({
    name: 'leadmaster_stall_steps_total',
    help: 'what was done because messages reached the page and were not told of, by step',
    labelNames: ['step'] as const,
    registers: [registry]
  })
  for (const step of ['read-back', ...steps]) stalls.inc({ step }, 0)
  return stalls
}

interface GaugeSources {
  registry: Registry
  config: Config
  journal: Journal
  recording: Recording
  connection: Connection
  cluster: Cluster
}

type AddGauge = (name: string, help: string, read: () => number) => void

/** Adds the gauges. Each reads its part when `/metrics` is asked for. */
export const addGauges = (sources: GaugeSources): void => {
  const { registry } = sources
  const add: AddGauge = (name, help, read) => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read())
      }
    })
  }
  addSessionGauges(sources, add)
  add('leadmaster_journal_unwritable', '1 while the journal cannot be written', () =>
    Number(sources.recording.writer.failure() !== undefined)
  )
  addBackfillGauges(sources.recording, add)
  addGuardGauge(sources)
  add('leadmaster_media_pending', 'media still to be fetched', () =>
    sources.journal.pendingMediaCount()
  )
  addClusterGauges(sources, add)
}

const addSessionGauges = ({ journal, connection }: GaugeSources, add: AddGauge): void => {
  add('leadmaster_journal_last_seq', 'the last record of the journal', () => journal.lastSeq())
  add('leadmaster_session_ready', '1 while the session is READY', () =>
    Number(connection.session().status === 'READY')
  )
  add(
    'leadmaster_session_limited',
    '1 while the session is READY, but WhatsApp Web lacks something in it',
    () => Number(connection.session().limited !== undefined)
  )
  add('leadmaster_outbound_blocked', 'attempts to send that the guard in the page refused', () =>
    connection.outboundBlocked()
  )
}

const addBackfillGauges = ({ backfill, media }: Recording, add: AddGauge): void => {
  add(
    'leadmaster_backfill_unread_chats',
    'chats that cannot be read back now; they are tried again',
    () => backfill.unreadChats()
  )
  add(
    'leadmaster_backfill_unread_messages',
    'messages that WhatsApp Web could not describe in full, the most in one run',
    () => backfill.unreadMessages()
  )
  add(
    'leadmaster_media_outage',
    '1 while no media can be fetched, because of the network, the disk or the page',
    () => Number(media.outage() !== undefined)
  )
}

const fences = { in_force: 1, absent: 0, open: -1 } as const

const addGuardGauge = ({ registry, connection }: GaugeSources): void => {
  new Gauge({
    name: 'leadmaster_guard_fence',
    help:
      'whether a fence of the send guard holds: 1 it is in force, ' +
      '0 it is absent or there is no page, -1 something can pass it',
    labelNames: ['fence'] as const,
    registers: [registry],
    collect() {
      const states = connection.guard()
      for (const fence of ['wire', 'modules'] as const)
        this.set({ fence }, fences[states?.[fence] ?? 'absent'])
    }
  })
}

const addClusterGauges = ({ config, cluster }: GaugeSources, add: AddGauge): void => {
  const { forwarding, accountOwner } = cluster
  if (forwarding)
    add(
      'leadmaster_forward_behind',
      'records that NATS has not yet',
      () => forwarding.state().behind
    )
  if (forwarding && accountOwner)
    add('leadmaster_lease_held', "1 while the account is this host's", () =>
      Number(accountOwner.isOurs())
    )
  if (config.PROFILE_BACKUP !== '')
    add(
      'leadmaster_profile_backup_timestamp_seconds',
      'when the linked device was last backed up by this process, UNIX time; 0: not yet',
      () => (accountOwner?.backedUpAt() ?? 0) / 1_000
    )
}
