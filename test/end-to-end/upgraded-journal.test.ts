import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { LeadPage, Message, MessagePage } from '../../src/contract/lead.ts'
import type { CapturedMessage, InboundRecord } from '../../src/contract/record.ts'
import type { WebhookWithSecret } from '../../src/contract/webhook.ts'
import { Forwarder } from '../../src/session-manager/cluster/forwarder.ts'
import type { NewRecord } from '../../src/session-manager/journal/journal.ts'
import { remapSome, UpgradeRemap } from '../../src/session-manager/journal/remap.ts'
import { messageRecords } from '../../src/session-manager/whatsapp/new-records.ts'
import { mapperVersion } from '../../src/session-manager/whatsapp/message.ts'
import { remap } from '../../src/session-manager/whatsapp/remap.ts'
import {
  fakeSessionManager,
  type FakeSessionManager
} from '../central-hub/follow/fake-session-manager.ts'
import { receiver } from '../central-hub/webhooks/receiver.ts'
import { natsFor, natsServer } from '../nats/nats-server.ts'
import { logLines } from '../platform/log-lines.ts'
import { ownDirectory } from '../platform/own-directory.ts'
import { oldRecords, writeOldJournal } from '../session-manager/release-before/journal.ts'
import { fixture } from '../session-manager/whatsapp/fixtures.ts'
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
 * A journal of releases before, upgraded while hubs follow it: a hub that took everything before,
 * one with a store of its own that begins after it, and one that follows by NATS. All have the same
 * in the end, and nobody is notified of a message as if it were new.
 */

t.setTimeout(900_000)

const chat = '5215512345678@c.us'
const media = { maxBytes: 10_000_000, types: ['*/*'] }

/** Messages as a release made them that kept raw models and had mistakes in its mapper. */
const spoiltDrafts = (): NewRecord[] => {
  const spoil = (name: string, fail: (message: CapturedMessage) => void): NewRecord[] => {
    const raw = {
      ...fixture(name),
      id: { fromMe: false, remote: chat, id: `KEPT${name.toUpperCase().replace(/\W/g, '')}` },
      from: chat,
      t: 1_795_000_000
    }
    return messageRecords(raw, { media, me: [], keepRaw: true, broadcasts: true }).map(
      (newRecord) => {
        const message = structuredClone(newRecord.message)
        fail(message)
        return {
          ...newRecord,
          message,
          ...(newRecord.raw === undefined ? {} : { raw: { ...newRecord.raw, version: 1 } })
        }
      }
    )
  }
  return [
    ...spoil('location', (message) => void delete message.location),
    ...spoil('album-parent', (message) => void delete message.album),
    ...spoil('album-child', (message) => void delete message.album_id),
    ...spoil('order', (message) => void delete message.order),
    ...spoil('text-pn-chat', () => undefined)
  ]
}

const upgrade = ({ journal }: FakeSessionManager) => {
  const { log, of } = logLines()
  const mapped = {
    journal,
    remap: (record: Parameters<typeof remap>[0], raw: Parameters<typeof remap>[1]) =>
      remap(record, raw, media),
    version: mapperVersion
  }
  const job = new UpgradeRemap({
    journal,
    log,
    version: mapperVersion,
    isOurs: () => true,
    remapPart: (after, limit) => remapSome({ ...mapped, after, limit, isTrial: false })
  })
  return { job, of }
}

const startHub = async (
  t: Test,
  upstream: FakeSessionManager,
  more: Record<string, string> = {}
): Promise<Daemon> => {
  const daemon = startDaemon('central-hub', {
    ...centralHubEnv({
      port: await freePort(),
      stateDir: join(ownDirectory(t), 'state'),
      sessionManager: upstream.url
    }),
    LOG_LEVEL: 'info',
    WEBHOOK_PRIVATE_ADDRESSES: '127.0.0.0/8',
    ...more
  })
  t.teardown(() => daemon.end('SIGKILL'))
  await daemon.seen('listening')
  return daemon
}

const get = async <T>({ url }: Daemon, path: string): Promise<T> =>
  (await ask<T>(`${url}${path}`, apiToken)).body

/** Resolves once a hub has taken all of the journal. */
const caughtUp = async (hub: Daemon, { journal }: FakeSessionManager): Promise<void> => {
  for (;;) {
    const { checks } = await get<{ checks: { name: string; detail: string }[] }>(hub, '/ready')
    if (
      checks.some(({ detail }) =>
        detail.includes(`record ${journal.lastSeq()} of ${journal.lastSeq()} taken`)
      )
    )
      return
    await new Promise((resolve) => setTimeout(resolve, 50)) // there is no event for it
  }
}

/** What a hub shows of all messages, by their ids; what only its own store decides aside. */
const messagesOf = async (t: Test, hub: Daemon): Promise<Map<string, unknown>> => {
  const { messages, next_cursor } = await get<MessagePage>(hub, '/api/messages?limit=200')
  if (next_cursor !== null) throw new Error('there are more')
  const shown = messages.map((message): [string, unknown] => {
    const { lead_id: _lead, ...rest } = message as Message & Record<string, unknown>
    return [message.id, rest]
  })
  t.equal(new Set(messages.map(({ id }) => id)).size, messages.length, 'no message is there twice')
  return new Map(shown.sort())
}

t.test('a journal of releases before is read again while three hubs follow it', async (t) => {
  const directory = ownDirectory(t)
  writeOldJournal(directory)
  const upstream = await fakeSessionManager(t, { directory })
  upstream.set({ status: 'READY', running: true })
  const { journal } = upstream
  journal.append(spoiltDrafts(), 'live')
  const before = journal.lastSeq()
  t.equal(before, oldRecords.length + 5)
  const server = await natsServer(t)
  const forwarder = new Forwarder({
    journal,
    account: 'main',
    nats: natsFor(t, server.url),
    replicas: 1,
    keepMs: 86_400_000,
    fencingTerm: () => 1,
    log: logLines().log,
    onChange: () => undefined,
    maxDelayMs: 200
  })
  t.teardown(() => forwarder.stop())

  const [first, byNats, to] = [
    await startHub(t, upstream),
    await startHub(t, upstream, { NATS_URL: server.url }),
    await receiver(t)
  ]
  await caughtUp(first, upstream)
  const events = ['message.created', 'message.updated', 'lead.created', 'lead.updated']
  const { status } = await ask<WebhookWithSecret>(`${first.url}/api/webhooks`, apiToken, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ url: to.url, events })
  })
  t.equal(status, 201)
  t.notMatch((await messagesOf(t, first)).get(`false_${chat}_KEPTORDER`), { order: {} })

  const { job, of } = upgrade(upstream)
  await job.done
  t.match(of('remapping'), [{ level: 'info', version: mapperVersion, to: before }])
  const updates = journal.read(before, 1_000)
  t.ok(updates.length >= 6 && updates.every(({ kind }) => kind === 'update'))
  t.match(of('remap_done'), [{ records: updates.length }])
  const second = await startHub(t, upstream)
  for (const hub of [first, second, byNats]) await caughtUp(hub, upstream)

  await t.test('all hubs have the same', async (t) => {
    const [one, other, third] = [
      await messagesOf(t, first),
      await messagesOf(t, second),
      await messagesOf(t, byNats)
    ]
    t.same([...one.keys()], [...other.keys()])
    t.same(one, other)
    t.same(one, third)
    t.match(one.get(`false_${chat}_KEPTLOCATION`), { kind: 'location', location: { name: 'Cafe' } })
    t.match(one.get(`false_${chat}_KEPTALBUMCHILD`), { album_id: /\S/ })
    t.match(one.get(`false_${chat}_KEPTORDER`), { order: { id: /\S/ } })
    t.match(one.get(`false_${chat}_LOCATION`), {
      kind: 'location',
      body: '',
      location: { name: 'Cafe', address: 'Main St 1' }
    })
    t.match(one.get(`false_${chat}_ALBUMPARENT`), { kind: 'album' })
    for (const message of one.values())
      t.notMatch(message, { body: /^\/9j\// }, 'no thumbnail is a text')
  })

  await t.test('they find messages by the name of a place', async (t) => {
    for (const hub of [first, second, byNats]) {
      const { messages } = await get<MessagePage>(hub, '/api/messages?q=Cafe')
      t.same(messages.map(({ id }) => id).sort(), [
        `false_${chat}_KEPTLOCATION`,
        `false_${chat}_LOCATION`
      ])
      t.equal((await get<LeadPage>(hub, '/api/leads?q=Cafe')).leads.length, 1)
    }
  })

  await t.test('a webhook gets each change once, and nothing as new', async (t) => {
    const changed = new Set(
      updates.flatMap((record) => (record.kind === 'erased' ? [] : [record.message.id]))
    )
    await to.until(
      ({ taken }) =>
        taken.filter(({ body }) => body.type === 'message.updated').length >= changed.size
    )
    const told = to.taken.map(({ body }) => ({
      type: body.type,
      id: (body.data as { message?: Message }).message?.id
    }))
    t.same(
      told.filter(({ type }) => type.endsWith('.created')),
      []
    )
    const updated = told.filter(({ type }) => type === 'message.updated').map(({ id }) => id)
    t.same(updated.sort(), [...changed].sort(), 'each once')
    const lead = (await get<LeadPage>(first, '/api/leads')).leads[0]
    t.equal(
      lead?.unread_count,
      (await get<LeadPage>(second, '/api/leads')).leads[0]?.unread_count,
      'nobody waits more for it'
    )
  })

  await t.test('it is done once: the next start appends nothing', async (t) => {
    const last = journal.lastSeq()
    const again = upgrade(upstream)
    await again.job.done
    t.same([journal.lastSeq(), again.of('remapping')], [last, []])
  })
})

t.test('session-manager does it by itself when it starts on such a journal', async (t) => {
  const stateDir = ownDirectory(t)
  writeOldJournal(stateDir)
  const daemon = startDaemon(
    'session-manager',
    sessionManagerEnv({ port: await freePort(), stateDir, chromiumPath: '/bin/true' })
  )
  t.teardown(() => daemon.end('SIGKILL'))
  t.match(await daemon.seen('remap_done'), { level: 'info', version: mapperVersion, records: 2 })
  const { records } = (
    await ask<{ records: InboundRecord[] }>(
      `${daemon.url}/inbound?after=${oldRecords.length}`,
      token
    )
  ).body
  t.match(
    records.map(({ kind, message }) => [kind, message.id, message.body]),
    [
      ['update', `false_${chat}_LOCATIONLIVE`, ''],
      ['update', `false_${chat}_LOCATION`, '']
    ]
  )
  t.notMatch(JSON.stringify(daemon.lines), /5215512345678|Main St/)
})
