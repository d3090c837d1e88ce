import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Message, Readiness } from '../../src/contract/lead.ts'
import { Status } from '../../src/contract/session.ts'
import { openJournal } from '../../src/session-manager/journal/journal.ts'
import { isOnPostgres, storeEnv } from '../central-hub/store/place.ts'
import { natsServer } from '../nats/nats-server.ts'
import { makeStream, managerOf, streamed } from '../nats/records.ts'
import { conforms } from '../platform/conforms.ts'
import { ownDirectory } from '../platform/own-directory.ts'
import { openSse } from '../platform/http/sse-client.ts'
import { newRecord } from '../session-manager/journal/new-records.ts'
import {
  apiToken,
  ask,
  centralHubEnv,
  freePort,
  sessionManagerEnv,
  startDaemon,
  token,
  type Daemon
} from './daemon.ts'

/**
 * Both real daemons with a real NATS between them; what was captured is in the journal from the
 * start.
 */

const records = isOnPostgres() ? 1_000 : 5_000
const leads = 100

interface Ends {
  /** The messages in the journal, in its order. */
  ids: string[]
  sessionManager(): Daemon
  hub(): Daemon
}

/** What starts either of them on the same state, as often as it is asked. */
const ends = async (t: Test, natsUrl: string): Promise<Ends> => {
  const directory = ownDirectory(t)
  const stateDir = join(directory, 'session-manager')
  const ids = fill(stateDir)
  const more = { NATS_URL: natsUrl, LOG_LEVEL: 'info' }
  const [port, hubPort] = [await freePort(), await freePort()]
  const sessionManager = {
    ...sessionManagerEnv({ port, stateDir, chromiumPath: '/bin/true' }),
    ...more
  }
  const hub = {
    ...centralHubEnv({
      port: hubPort,
      stateDir: join(directory, 'hub'),
      sessionManager: `http://127.0.0.1:${port}`
    }),
    ...(await storeEnv(t)),
    ...more
  }
  const started = (daemon: Daemon): Daemon => {
    t.teardown(() => daemon.end('SIGKILL'))
    return daemon
  }
  return {
    ids,
    sessionManager: () => started(startDaemon('session-manager', sessionManager)),
    hub: () => started(startDaemon('central-hub', hub))
  }
}

const fill = (stateDir: string): string[] => {
  mkdirSync(stateDir)
  const journal = openJournal(join(stateDir, 'journal.db'), 'main')
  const newRecords = Array.from({ length: records }, (_, index) => {
    const phone = `52155${10_000_000 + (index % leads)}`
    return newRecord(String(index), {
      chat_id: `${phone}@c.us`,
      from: `${phone}@c.us`,
      phone: `+${phone}`,
      timestamp: 1_700_000_000 + index
    })
  })
  journal.append(newRecords, 'live')
  journal.close()
  return newRecords.map(({ message }) => message.id)
}

const listening = async (daemon: Daemon): Promise<Daemon> => {
  await daemon.seen('listening')
  return daemon
}

/** Reads the hub's events from the first one until so many different messages have come. */
const untilMessages = async (hub: Daemon, count: number): Promise<string[]> => {
  const client = await openSse(`${hub.url}/api/events`, {
    authorization: `Bearer ${apiToken}`,
    'last-event-id': '0'
  })
  const ids: string[] = []
  let read = 0
  await client.until(() => {
    for (const { event, data } of client.events.slice(read))
      if (event === 'message') ids.push((JSON.parse(data) as Message).id)
    read = client.events.length
    return ids.length >= count
  })
  client.close()
  return ids
}

t.test(
  `${records} records through a kill -9 of session-manager, of the hub and of NATS: each is there once, in its order`,
  async (t) => {
    const server = await natsServer(t)
    await makeStream(t, server)
    const { ids, sessionManager, hub } = await ends(t, server.url)
    const firstHub = await listening(hub())
    const some = untilMessages(firstHub, 200)
    const first = sessionManager()
    await some
    await Promise.all([first.end('SIGKILL'), firstHub.end('SIGKILL'), server.end('SIGKILL')])
    const [second, secondHub] = [await listening(sessionManager()), await listening(hub())]
    await second.seen('nats_fault')
    await server.start()

    t.same(await untilMessages(secondHub, records), ids, 'in the order of the journal')
    const { body: status } = await ask<Status>(`${second.url}/status`, token)
    conforms(t, Status, status, '/status')
    t.match(status, { forward: { seq: records, behind: 0 } })
    t.match(
      await (
        await fetch(`${second.url}/metrics`, { headers: { authorization: `Bearer ${token}` } })
      ).text(),
      /^forward_behind 0$/m
    )
    const taken = `record ${records} of ${records} taken`
    const ready = async (): Promise<Readiness> =>
      (await ask<Readiness>(`${secondHub.url}/ready`, apiToken)).body
    let body = await ready()
    // what is committed is told at once; where the hub stands it says a moment later
    for (
      const end = Date.now() + 10_000;
      Date.now() < end && body.checks.find(({ name }) => name === 'following')?.detail !== taken;
    )
      body = await ready()
    t.match(
      body.checks.find(({ name }) => name === 'nats'),
      { ok: true, detail: 'records of 1 account come from NATS' }
    )
    t.match(
      body.checks.find(({ name }) => name === 'following'),
      { ok: true, detail: taken }
    )
    t.equal(
      new Set((await streamed(await managerOf(t, server))).map(({ seq }) => seq)).size,
      records
    )
  }
)

t.test('a lead that is deleted does not come back by what was on its way', async (t) => {
  const server = await natsServer(t)
  const { sessionManager, hub } = await ends(t, server.url)
  await listening(sessionManager())
  const followed = await listening(hub())
  await untilMessages(followed, 1)
  const { body } = await ask<{ leads: { id: number; phone: string }[] }>(
    `${followed.url}/api/leads?limit=1`,
    apiToken
  )
  const [lead] = body.leads
  t.ok(lead)
  const remove = (): Promise<Response> =>
    fetch(`${followed.url}/api/leads/${lead?.id}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${apiToken}` }
    })
  let answer = await remove()
  // Records may come from NATS before session-manager has said whose they are: the same request is
  // made again.
  for (const end = Date.now() + 20_000; answer.status === 503 && Date.now() < end; )
    answer = await remove()
  t.equal(answer.status, 200)
  const { messages } = (await answer.json()) as { messages: number }
  t.ok(
    messages > 0 && messages <= records / leads,
    `${messages} had come; what was erased before it was forwarded never does`
  )
  const after = await ask<{ leads: unknown[] }>(
    `${followed.url}/api/leads?q=${encodeURIComponent(lead?.phone ?? '')}`,
    apiToken
  )
  t.same(after.body.leads, [])
})
