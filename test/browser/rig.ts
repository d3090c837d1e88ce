import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Lead } from '../../src/contract/lead.ts'
import type { CapturedMessage } from '../../src/contract/record.ts'
import { apiToken, ask, centralHubEnv, freePort, startDaemon } from '../end-to-end/daemon.ts'
import {
  fakeSessionManager,
  type FakeSessionManager
} from '../central-hub/follow/fake-session-manager.ts'
import { newRecord } from '../session-manager/journal/new-records.ts'
import { ownDirectory } from '../platform/own-directory.ts'

/**
 * A real hub as built, so with the page as the browser gets it, and a session-manager that the test
 * plays, so that anything can be told of WhatsApp.
 */

export interface Rig {
  upstream: FakeSessionManager
  url: string
  /** Kills the hub, as a power cut would. */
  kill(): Promise<void>
  /** Starts it again, on the same port; `keep: false` empties its store first. */
  restart(options?: { keep: boolean }): Promise<void>
}

export const startRig = async (t: Test, env: Record<string, string> = {}): Promise<Rig> => {
  const upstream = await fakeSessionManager(t)
  const all: Record<string, string> = {
    ...centralHubEnv({
      port: await freePort(),
      stateDir: join(ownDirectory(t), 'state'),
      sessionManager: upstream.url
    }),
    ENV_FILE: '/etc/leadmaster/central-hub.env',
    // A test asks as often as it can.
    RATE_LIMIT: '0',
    ...env
  }
  let hub = startDaemon('central-hub', all)
  t.teardown(() => hub.end('SIGKILL'))
  await hub.seen('following')
  return {
    upstream,
    url: hub.url,
    kill: async () => void (await hub.end('SIGKILL')),
    restart: async ({ keep } = { keep: true }) => {
      if (!keep) await rm(all['STATE_DIR'] as string, { recursive: true })
      hub = startDaemon('central-hub', all)
      await hub.seen('listening')
    }
  }
}

/** Asks until it is so. */
export const eventually = async <T>(
  ask: () => Promise<T>,
  fits: (answer: T) => boolean
): Promise<T> => {
  for (;;) {
    const answer = await ask()
    if (fits(answer)) return answer
  }
}

/** The lead with this phone number, once the hub has it. */
export const leadOf = (url: string, phone: string): Promise<Lead> =>
  eventually(
    async () =>
      (await ask<{ leads: Lead[] }>(`${url}/api/leads?q=${phone}`, apiToken)).body.leads[0] as Lead,
    (lead) => lead !== undefined
  )

/** Changes a lead as another person would, without the page. */
export const changeElsewhere = async (url: string, id: number, patch: object): Promise<void> =>
  void (await ask(`${url}/api/leads/${id}`, apiToken, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(patch)
  }))

const now = (): number => Math.floor(Date.now() / 1_000)
let drawn = 0

/** A message of a person, `ago` seconds old; `facts` as WhatsApp gives them. */
export const from = (
  phone: string,
  body: string,
  ago: number,
  facts: Partial<CapturedMessage> = {}
): ReturnType<typeof newRecord> => {
  drawn += 1
  const chat = `${phone}@c.us`
  const mine = facts.from_me === true
  const id = `${mine}_${chat}_${`3EB0${drawn}`}`
  return newRecord('', {
    id,
    chat_id: chat,
    from: mine ? '5215587654321@c.us' : chat,
    to: mine ? chat : '5215587654321@c.us',
    phone: `+${phone}`,
    body,
    timestamp: now() - ago,
    ...facts
  })
}
/** The operator's own answer. */
export const reply = (
  phone: string,
  body: string,
  ago: number,
  facts: Partial<CapturedMessage> = {}
): ReturnType<typeof newRecord> => from(phone, body, ago, { from_me: true, ...facts })

/** A record of another kind than a message, as of that person. */
export const event = (kind: string, phone: string, facts: object): ReturnType<typeof newRecord> => {
  const base = from(phone, '', 10)
  return {
    ...base,
    kind: kind as 'vote',
    key: `${kind}:${base.message.id}`,
    message: { ...base.message, ...facts }
  }
}
