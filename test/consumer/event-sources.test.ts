import { build } from 'esbuild'
import t, { type Test } from 'tap'
import { serveOtherOrigin } from '../browser/other-origin.ts'
import { inPage, launch, openPage } from '../browser/page.ts'
import { fakeSessionManager } from '../central-hub/follow/fake-session-manager.ts'
import {
  apiToken,
  centralHubEnv,
  freePort,
  startDaemon,
  type Daemon
} from '../end-to-end/daemon.ts'
import { ownDirectory } from '../platform/own-directory.ts'
import { newRecord } from '../session-manager/journal/new-records.ts'
import { packageFile, packagesMissing } from './packages.ts'

/**
 * Live events by what others read them with: EventSource of the browser, `eventsource` of npm, and
 * `@microsoft/fetch-event-source` on a page of another origin.
 */

t.setTimeout(900_000)

interface Seen {
  type: string
  id: string
  data: string
}
interface Reader {
  name: string
  /** All that came until now, in order. */
  seen(): Promise<Seen[]>
}

/** What is listened to, by the names that the documentation gives. */
const types = ['message', 'lead', 'lead_removed', 'session', 'reset', 'end']
const patienceMs = 60_000

/** Resolves with all that a reader has seen once that fits. */
const until = async (
  reader: Reader,
  what: string,
  fits: (seen: readonly Seen[]) => boolean
): Promise<Seen[]> => {
  const late = Date.now() + patienceMs
  for (;;) {
    const seen = await reader.seen()
    if (fits(seen)) return seen
    if (Date.now() > late)
      throw new Error(
        `${reader.name}: ${what} did not come; it saw ${seen.map(({ type, id }) => `${type} ${id}`).join(', ')}`
      )
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
const bodiesOf = (seen: readonly Seen[]): string[] =>
  seen
    .filter(({ type }) => type === 'message')
    .map(({ data }) => (JSON.parse(data) as { body: string }).body)
const isFollowing = (seen: readonly Seen[]): boolean => seen.some(({ type }) => type === 'session')

/** EventSource of Chromium, on the hub's own page: it takes no header, so it sends the cookie. */
const browserEventSource = async (t: Test, hub: string): Promise<Reader> => {
  const page = await openPage(t, await launch(t), hub)
  await inPage(
    page,
    `fetch('/api/sign-in', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ token: ${JSON.stringify(apiToken)} }) }).then(() => {
    window.seen = []
    const source = new EventSource('/api/events')
    for (const type of ${JSON.stringify(types)}) source.addEventListener(type, ({ data, lastEventId }) => window.seen.push({ type, id: lastEventId, data }))
  })`
  )
  return { name: 'EventSource', seen: () => inPage(page, 'window.seen') }
}

interface EventSourceOfNpm {
  addEventListener(
    type: string,
    listener: (event: { data: string; lastEventId: string }) => void
  ): void
  close(): void
}
type Fetch = (url: string, init: { headers: Record<string, string> }) => Promise<Response>

/** @param lastEventId what it sends with its first request, as a program that kept it does */
const npmEventSource = async (t: Test, hub: string, lastEventId?: string): Promise<Reader> => {
  const { EventSource } = (await import(packageFile('eventsource/dist/index.js'))) as {
    EventSource: new (url: string, options: { fetch: Fetch }) => EventSourceOfNpm
  }
  let first = lastEventId === undefined ? {} : { 'last-event-id': lastEventId }
  const source = new EventSource(`${hub}/api/events`, {
    fetch: (url, init) => {
      const given = first
      first = {}
      return fetch(url, {
        ...init,
        headers: { ...init.headers, ...given, authorization: `Bearer ${apiToken}` }
      })
    }
  })
  t.teardown(() => source.close())
  const seen: Seen[] = []
  for (const type of types)
    source.addEventListener(type, ({ data, lastEventId: id }) => void seen.push({ type, id, data }))
  return { name: 'npm eventsource', seen: async () => seen }
}

/** A page of another origin with fetch-event-source. */
const servePage = async (t: Test): Promise<string> => {
  const contents = `
    import { fetchEventSource } from '@microsoft/fetch-event-source'
    const given = new URLSearchParams(location.hash.slice(1))
    window.seen = []
    const headers = { authorization: 'Bearer ' + given.get('token') }
    if (given.has('last')) headers['last-event-id'] = given.get('last')
    fetchEventSource(given.get('hub') + '/api/events', {
      headers,
      openWhenHidden: true,
      // it takes an end of the stream for the end of all unless this throws
      onclose: () => { throw new Error('closed') },
      onmessage: ({ event, id, data }) => { if (event !== '') window.seen.push({ type: event, id, data }) },
      onerror: () => undefined
    })`
  const {
    outputFiles: [script]
  } = await build({
    stdin: { contents, resolveDir: packageFile('..') },
    bundle: true,
    format: 'iife',
    write: false
  })
  return serveOtherOrigin(t, (_req, res) => {
    res
      .writeHead(200, { 'content-type': 'text/html' })
      .end(`<!doctype html><title>CRM</title><script>${script?.text}</script>`)
  })
}
const fetchEventSource = async (
  t: Test,
  hub: string,
  origin: string,
  lastEventId?: string
): Promise<Reader> => {
  const last = lastEventId === undefined ? '' : `&last=${encodeURIComponent(lastEventId)}`
  const page = await openPage(
    t,
    await launch(t),
    `${origin}/#hub=${encodeURIComponent(hub)}&token=${apiToken}${last}`
  )
  return { name: 'fetch-event-source', seen: () => inPage(page, 'window.seen') }
}

t.test(
  'over restarts of the hub none loses an event and none has one twice',
  { skip: packagesMissing },
  async (t) => {
    const origin = await servePage(t)
    const upstream = await fakeSessionManager(t)
    const env = {
      ...centralHubEnv({
        port: await freePort(),
        stateDir: ownDirectory(t),
        sessionManager: upstream.url
      }),
      CORS_ORIGINS: origin
    }
    let hub: Daemon = startDaemon('central-hub', env)
    t.teardown(() => hub.end('SIGKILL'))
    await hub.seen('following')
    const readers = await Promise.all([
      browserEventSource(t, hub.url),
      npmEventSource(t, hub.url),
      fetchEventSource(t, hub.url, origin)
    ])
    for (const reader of readers) await until(reader, 'the first event', isFollowing)

    const sent: string[] = []
    const send = (id: string): void => {
      sent.push(`message ${id}`)
      upstream.journal.append([newRecord(id, { timestamp: 1_700_000_000 + sent.length })], 'live')
    }
    const allSaw = async (): Promise<void> => {
      for (const reader of readers)
        await until(reader, sent.at(-1) ?? '', (seen) => bodiesOf(seen).includes(sent.at(-1) ?? ''))
    }
    for (const [round, signal] of (['SIGKILL', 'SIGTERM', 'SIGKILL'] as const).entries()) {
      send(`${round}-live`)
      await allSaw()
      await hub.end(signal)
      send(`${round}-missed`)
      hub = startDaemon('central-hub', env)
      await allSaw()
    }

    for (const reader of readers) {
      const seen = await reader.seen()
      t.same(bodiesOf(seen), sent, `${reader.name}: each message once, in order`)
      const ids = seen
        .filter(({ type }) => type === 'message' || type === 'lead')
        .map(({ id }) => id)
      t.equal(new Set(ids).size, ids.length, `${reader.name}: no event twice`)
      t.notOk(
        seen.some(({ type }) => type === 'reset'),
        `${reader.name}: no reason to read the lists again`
      )
    }

    await t.test(
      'with a Last-Event-ID of a store that was replaced, each is told to read the lists again, and goes on',
      async (t) => {
        await hub.end('SIGKILL')
        hub = startDaemon('central-hub', { ...env, STATE_DIR: ownDirectory(t) })
        for (const reader of readers)
          await until(reader, 'reset', (seen) => seen.some(({ type }) => type === 'reset'))
        send('after')
        await allSaw()
        for (const reader of readers) {
          const seen = await reader.seen()
          t.equal(
            seen.filter(({ type }) => type === 'reset').length,
            1,
            `${reader.name}: told once`
          )
          t.equal(
            bodiesOf(seen).filter((body) => body === 'message after').length,
            1,
            `${reader.name}: what came after it, once`
          )
        }
      }
    )

    await t.test('with a Last-Event-ID that no hub ever gave, too', async (t) => {
      for (const id of ['zzzz-99', 'nonsense', '-1', '0123abcd-999999999999999999999']) {
        const strangers = [
          await npmEventSource(t, hub.url, id),
          await fetchEventSource(t, hub.url, origin, id)
        ]
        for (const reader of strangers) {
          const seen = await until(reader, 'the first events', isFollowing)
          t.equal(seen[0]?.type, 'reset', `${reader.name}, ${id}`)
        }
        send(`after ${id}`)
        for (const reader of strangers) {
          const seen = await until(reader, sent.at(-1) ?? '', (events) =>
            bodiesOf(events).includes(sent.at(-1) ?? '')
          )
          t.equal(
            bodiesOf(seen).filter((body) => body === sent.at(-1)).length,
            1,
            `${reader.name}, ${id}: goes on`
          )
        }
      }
    })
  }
)
