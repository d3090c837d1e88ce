import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'
import t, { type Test } from 'tap'
import { Compile } from 'typebox/schema'
import type { Client, HubEvent } from '../../src/client/index.ts'
import { storeMedia } from '../../src/session-manager/journal/media.ts'
import { rejection } from '../client/rejection.ts'
import {
  fakeSessionManager,
  type FakeSessionManager
} from '../central-hub/follow/fake-session-manager.ts'
import {
  apiToken,
  centralHubEnv,
  freePort,
  startDaemon,
  type Daemon
} from '../end-to-end/daemon.ts'
import { ownDirectory } from '../platform/own-directory.ts'
import { newRecord } from '../session-manager/journal/new-records.ts'

/**
 * A frontend of the release before: its client as it was packed does with today's hub all that it
 * did with its own. What the hub answers may have more members than that release knew; each answer
 * still fits the schemas of that release.
 */

t.setTimeout(900_000)

const before = new URL('release-before/', import.meta.url)
const { createClient, LeadMasterError, etagOf, pages } = (await import(
  new URL('client.js', before).href
)) as typeof import('../../src/client/index.ts')
const { answers, $defs } = JSON.parse(
  readFileSync(new URL('answers.json', before), 'utf8')
) as Record<'answers' | '$defs', Record<string, object>>

/** Asserts that a value is as the release before described it. */
const fitsSchema = (t: Test, schema: object, value: unknown, what: string): void => {
  const [, errors] = Compile({ ...schema, $defs }).Errors(value)
  t.same(
    errors.map(({ instancePath, keyword, params }) => ({ instancePath, keyword, params })),
    [],
    `${what} is as the release before knew it`
  )
}

const called = new Set<string>()

/** The client, with each answer of JSON held to its schema. */
const checked = (t: Test, hub: Client): Client =>
  new Proxy(hub, {
    get: (target, id: keyof Client) => {
      if (id === 'events') return target.events
      return async (input?: object, options?: object) => {
        called.add(id)
        const answer = await (target[id] as (input?: object, options?: object) => Promise<unknown>)(
          input,
          options
        )
        // With `fields` only some members are there, as asked.
        const isWhole = input === undefined || !('fields' in input)
        if (answers[id] !== undefined && isWhole) fitsSchema(t, answers[id], answer, id)
        return answer
      }
    }
  })

const photo = Buffer.from('the bytes of a photo')
const qr = {
  code: '2@abc',
  generatedAt: Date.UTC(2026, 0, 1),
  expiresAt: Date.UTC(2026, 0, 1, 0, 1)
}
const ofBea = {
  chat_id: '5215511111111@c.us',
  from: '5215511111111@c.us',
  phone: '+5215511111111',
  name: 'Bea'
}

interface Rig {
  hub: Client
  upstream: FakeSessionManager
  url: string
  daemon(): Daemon
  /** Kills the hub and starts it again. */
  restart(): Promise<void>
}

/** Today's hub with Ana, who sent a photo, and Bea. */
async function startHub(t: Test): Promise<Rig> {
  const upstream = await fakeSessionManager(t)
  await storeMedia(upstream.mediaDirectory, photo)
  const media = {
    state: 'stored',
    mimetype: 'image/jpeg',
    size: photo.length,
    sha256: createHash('sha256').update(photo).digest('hex')
  } as const
  upstream.journal.append(
    [
      newRecord('1', { name: 'Ana', body: 'Hola, ¿sigue disponible?' }),
      newRecord('photo', {
        type: 'image',
        body: '',
        has_media: true,
        media,
        timestamp: 1_700_000_100
      }),
      newRecord('2', { ...ofBea, timestamp: 1_700_000_200 }),
      newRecord('place', {
        ...ofBea,
        type: 'location',
        body: '',
        location: { latitude: 19.4, longitude: -99.1, name: 'Bodega Central' },
        timestamp: 1_700_000_300
      })
    ],
    'live'
  )
  const env = {
    ...centralHubEnv({
      port: await freePort(),
      stateDir: ownDirectory(t),
      sessionManager: upstream.url
    }),
    WEBHOOK_PRIVATE_ADDRESSES: '127.0.0.0/8'
  }
  let daemon = startDaemon('central-hub', env)
  t.teardown(() => daemon.end('SIGKILL'))
  await daemon.seen('following')
  const client = createClient({ baseUrl: daemon.url, token: apiToken })
  while ((await client.listMessages()).messages.length < 4);
  return {
    hub: checked(t, client),
    upstream,
    url: daemon.url,
    daemon: () => daemon,
    restart: async () => {
      await daemon.end('SIGKILL')
      daemon = startDaemon('central-hub', env)
    }
  }
}

/** The next event that fits; all that came are kept. */
const until = async (
  events: AsyncGenerator<HubEvent, void, undefined>,
  seen: HubEvent[],
  fits: (event: HubEvent) => boolean
): Promise<HubEvent> => {
  for (;;) {
    const { value } = await events.next()
    if (value === undefined) throw new Error('the events ended')
    seen.push(value)
    if (fits(value)) return value
  }
}

t.test('the client of the release before on the hub of today', async (t) => {
  const rig = await startHub(t)
  const { hub, upstream } = rig

  await t.test('reads lists, pages, searches and figures', async (t) => {
    t.match(
      (await hub.listLeads()).leads.map(({ name }) => name),
      ['Bea', 'Ana']
    )
    t.match(
      (await hub.listLeads({ waiting: true, state: ['new', 'open'] })).leads.map(
        ({ name }) => name
      ),
      ['Ana', 'Bea']
    )
    t.same((await hub.listLeads({ fields: ['id', 'name'], limit: 1 })).leads, [
      { id: 2, name: 'Bea' }
    ])
    t.match((await hub.listLeads({ q: 'disponible' })).leads, [{ name: 'Ana' }])
    const names: (string | null)[] = []
    for await (const { leads } of pages(hub.listLeads, { limit: 1 }))
      names.push(...leads.map(({ name }) => name))
    t.same(names, ['Bea', 'Ana'])
    t.match(
      (await hub.listLeadMessages({ id: 1 })).messages.map(({ type }) => type),
      ['image', 'chat']
    )
    t.match((await hub.listMessages({ q: 'disponible', from_me: false })).messages, [
      { body: 'Hola, ¿sigue disponible?', timestamp: 1_700_000_000, media: null }
    ])
    await hub.getStats({ days: 7, tz: 'America/Mexico_City' })
    await hub.listTags()
    await hub.listDeletions()
  })

  await t.test('writes: a change, once, and over nobody else’s', async (t) => {
    const mine = await hub.getLead({ id: 1 })
    const theirs = await hub.patchLead(
      { id: 1, body: { state: 'open', note: 'theirs', tags: ['vip'], assignee: 'Luisa' } },
      { ifMatch: mine }
    )
    t.match(await rejection(hub.patchLead({ id: 1, body: { note: 'mine' } }, { ifMatch: mine })), {
      type: 'precondition-failed',
      status: 412
    })
    const key = { ifMatch: etagOf(theirs) ?? '', idempotencyKey: 'one' }
    const once = await hub.patchLead({ id: 1, body: { name: 'Ana García' } }, key)
    t.same(await hub.patchLead({ id: 1, body: { name: 'Ana García' } }, key), once)
    t.match(await rejection(hub.patchLead({ id: 1, body: { note: 'b' } }, key)), {
      type: 'idempotency-key-reused'
    })
    t.match((await hub.listLeadChanges({ id: 1 })).changes.map(({ field }) => field).sort(), [
      'assignee',
      'name',
      'note',
      'state',
      'tags'
    ])
    t.equal((await hub.readLead({ id: 1 })).unread_count, 0)
    t.match(
      await hub.importLeads({
        body: 'phone,name\n+5215511111111,Bea Soto\nnonsense,X\n',
        contentType: 'text/csv'
      }),
      { named: 1, errors: [{ line: 3 }] }
    )
    t.equal((await hub.getLead({ id: 2 })).name, 'Bea Soto')
  })

  await t.test('tells what is wrong by the same types', async (t) => {
    const missing = await rejection(hub.getLead({ id: 7 }, { requestId: 'mine-1' }))
    t.ok(missing instanceof LeadMasterError)
    t.match(missing, {
      type: 'not-found',
      status: 404,
      requestId: 'mine-1',
      problem: { title: String, detail: String }
    })
    t.match(await rejection(hub.listLeads({ limit: 500 })), {
      type: 'invalid-parameters',
      status: 400,
      errors: [{ field: 'limit' }]
    })
    t.match(await rejection(hub.patchLead({ id: 1, body: { state: 'maybe' as 'new' } })), {
      type: 'invalid-parameters',
      errors: [{ field: '/state' }]
    })
    t.match(await rejection(createClient({ baseUrl: rig.url, token: 'wrong' }).listLeads()), {
      type: 'unauthorized',
      status: 401
    })
    t.match(await rejection(createClient({ baseUrl: 'http://127.0.0.1:9' }).listLeads()), {
      type: 'unreachable',
      status: 0
    })
  })

  await t.test('gets files: exports and media', async (t) => {
    t.match(await (await hub.exportLeadsCsv({ state: ['open'] })).text(), /^id,.*\n1,.*Ana García/)
    t.equal((await (await hub.exportLeadsJsonl()).text()).trim().split('\n').length, 2)
    t.match(await (await hub.exportMessagesCsv({ q: 'disponible' })).text(), /disponible/)
    const messages = (await (await hub.exportMessagesJsonl()).text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { id: string; media: unknown })
    for (const message of messages)
      fitsSchema(t, $defs['Message'] ?? {}, message, 'a line of the export')
    const id = messages.find(({ media }) => media !== null)?.id ?? ''
    t.same(Buffer.from(await (await hub.getMedia({ id, download: true })).arrayBuffer()), photo)
  })

  await t.test('follows events over a restart, none lost and none twice', async (t) => {
    const events = hub.events({ minDelayMs: 50 })
    const seen: HubEvent[] = []
    await until(events, seen, ({ type }) => type === 'session')
    for (let round = 0; round < 2; round += 1) {
      upstream.journal.append(
        [newRecord(`${round}-live`, { timestamp: 1_700_001_000 + round })],
        'live'
      )
      await until(
        events,
        seen,
        (event) => event.type === 'message' && event.data.body === `message ${round}-live`
      )
      await rig.restart()
      upstream.journal.append(
        [newRecord(`${round}-missed`, { timestamp: 1_700_002_000 + round })],
        'live'
      )
      await until(
        events,
        seen,
        (event) => event.type === 'message' && event.data.body === `message ${round}-missed`
      )
    }
    await rig.daemon().seen('following')
    await hub.patchLead({ id: 1, body: { note: 'the last one' } })
    await until(
      events,
      seen,
      (event) => event.type === 'lead' && event.data.note === 'the last one'
    )
    await events.return()

    const bodies = seen.flatMap((event) => (event.type === 'message' ? [event.data.body] : []))
    t.same(bodies, ['message 0-live', 'message 0-missed', 'message 1-live', 'message 1-missed'])
    t.notOk(seen.some(({ type }) => type === 'reset'))
    for (const event of seen) {
      if (event.type === 'message')
        fitsSchema(t, $defs['Message'] ?? {}, event.data, 'a message event')
      if (event.type === 'lead') fitsSchema(t, $defs['Lead'] ?? {}, event.data, 'a lead event')
      if (event.type === 'session' && 'linked' in event.data)
        fitsSchema(t, $defs['Status'] ?? {}, event.data, 'a session event')
    }
  })

  await t.test('has webhooks, as its receiver reads them', async (t) => {
    const got: { type: string; timestamp: string; data: Record<string, unknown> }[] = []
    let secret = ''
    const receiver = createServer(async (req, res) => {
      let body = ''
      for await (const part of req) body += part
      got.push(
        new Webhook(secret).verify(body, req.headers as Record<string, string>) as (typeof got)[0]
      )
      res.writeHead(204).end()
      receiver.emit('delivery')
    })
    receiver.listen(0, '127.0.0.1')
    await once(receiver, 'listening')
    t.teardown(() => receiver.close())
    const delivered = async (type: string): Promise<void> => {
      while (!got.some((one) => one.type === type)) await once(receiver, 'delivery')
    }

    const made = await hub.createWebhook({
      body: {
        url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`,
        events: ['message.created', 'lead.updated']
      }
    })
    secret = made.secret
    const { id } = made
    await hub.pingWebhook({ id })
    await delivered('webhook.ping')
    upstream.journal.append(
      [newRecord('hook', { body: 'for the webhook', timestamp: 1_700_003_000 })],
      'live'
    )
    await delivered('message.created')
    await delivered('lead.updated')
    for (const one of got) fitsSchema(t, $defs['WebhookBody'] ?? {}, one, one.type)
    const message = got.find(({ type }) => type === 'message.created')?.data
    t.match(message, { message: { body: 'for the webhook' }, lead: { id: 1 } })
    fitsSchema(t, $defs['Message'] ?? {}, message?.['message'], 'the message of a delivery')
    fitsSchema(t, $defs['Lead'] ?? {}, message?.['lead'], 'the lead of a delivery')

    t.match((await hub.listWebhooks()).webhooks, [{ id, enabled: true }])
    const [delivery] = (await hub.listDeliveries({ id, state: 'delivered', limit: 1 })).deliveries
    t.same(await hub.replayDelivery({ id, delivery_id: delivery?.id ?? '' }), { replayed: 1 })
    const shown = await hub.getWebhook({ id })
    t.equal(
      (
        await hub.patchWebhook(
          { id, body: { enabled: false, description: 'CRM' } },
          { ifMatch: shown }
        )
      ).enabled,
      false
    )
    t.not((await hub.rotateWebhookSecret({ id })).secret, secret)
    t.match(
      await rejection(hub.replayDeadDeliveries({ id })),
      { type: 'conflict' },
      'it is turned off'
    )
    await hub.patchWebhook({ id, body: { enabled: true } })
    t.same(await hub.replayDeadDeliveries({ id }), { replayed: 0 })
    t.equal(await hub.deleteWebhook({ id }), undefined)
  })

  await t.test('works the session with WhatsApp', async (t) => {
    const {
      accounts: [account]
    } = await hub.listAccounts()
    t.match(account, { account: 'main', following: true })
    const named = { account: 'main' }
    t.same(
      [await hub.getQr(), await hub.getAccountQr(named)],
      [{ status: 'NO_QR' }, { status: 'NO_QR' }]
    )
    upstream.set({ status: 'QR_REQUIRED', qr, qrAttempt: 1, running: true })
    t.match(
      [await hub.getStatus(), await hub.getAccountStatus(named)],
      [{ status: 'QR_REQUIRED' }, { status: 'QR_REQUIRED' }]
    )
    t.match(
      [await hub.getQr(), await hub.getAccountQr(named)],
      [{ status: 'QR_AVAILABLE' }, { status: 'QR_AVAILABLE' }]
    )
    const pictures = await Promise.all([
      hub.getQrPng(),
      hub.getQrSvg(),
      hub.getQrText(),
      hub.getAccountQrPng(named),
      hub.getAccountQrSvg(named),
      hub.getAccountQrText(named)
    ])
    for (const picture of pictures)
      t.ok((await picture.arrayBuffer()).byteLength > 100, picture.url)
    const body = { phone: '+52 55 1234 5678' }
    t.match(
      [
        await hub.requestPairingCode({ body }),
        await hub.requestAccountPairingCode({ ...named, body })
      ],
      [{ code: 'ABCD-EFGH' }, { code: 'ABCD-EFGH' }]
    )
    t.match(
      [await hub.connect(), await hub.connectAccount(named)],
      [{ success: true }, { success: true }]
    )
    t.match(
      [await hub.disconnect(), await hub.disconnectAccount({ ...named, logout: true })],
      [{ success: true }, { success: true }]
    )
  })

  await t.test('merges, deletes, and asks how the hub is', async (t) => {
    t.equal((await hub.mergeLead({ id: 1, body: { lead_id: 2 } })).id, 1)
    t.match(await hub.deleteLead({ id: 1 }), { reason: 'request', leads: 1 })
    t.match((await hub.listDeletions()).deletions, [{ leads: 1 }])
    t.match(await hub.getHealth(), { status: 'ok', service: 'central-hub' })
    await hub.getReadiness()
    await hub.getOpenApi()
    t.match(await (await hub.getMetrics()).text(), /^# HELP /m)
    t.equal(await hub.signIn({ body: { token: apiToken } }), undefined)
    t.equal(await hub.signOut(), undefined)
  })

  const known = Object.keys(createClient({ baseUrl: rig.url })).filter(
    (id) => !['events', 'streamEvents'].includes(id)
  )
  t.same(
    known.filter((id) => !called.has(id)),
    [],
    'every function of that client was called'
  )
})
