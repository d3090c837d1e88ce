import { randomUUID } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import t, { type Test } from 'tap'
import { openStore, type Store } from '../../../../src/central-hub/store/open.ts'
import type { Problem } from '../../../../src/contract/problem.ts'
import type { Status } from '../../../../src/contract/session.ts'
import { onPostgres, ownPlace } from '../place.ts'

/** Hubs as one database makes them known to each other; they stay connected on their own. */

const postgres = await onPostgres(t)

/** A store, what its hub heard of sessions, and of work that is begun and ended. */
interface Hub {
  store: Store
  sessions: string[]
  did: string[]
  /** Resolves once something heard or done fits. */
  until(fits: () => boolean): Promise<void>
}

const hubAt = async (t: Test, url: string): Promise<Hub> => {
  const store = await openStore(url)
  t.teardown(() => store.close())
  const news = new EventEmitter()
  const [sessions, did]: [string[], string[]] = [[], []]
  const note = (list: string[], what: string): void => {
    list.push(what)
    news.emit('news')
  }
  store.cluster.onSession((now) => note(sessions, `${now.account ?? ''} ${now.status}`))
  // whoever is given work listens
  await new Promise<void>((resolve) => {
    store.cluster.runAsLeader(randomUUID(), () => {
      resolve()
      return async () => undefined
    })
  })
  return {
    store,
    sessions,
    did,
    until: async (fits) => {
      const signal = AbortSignal.timeout(30_000)
      while (!fits()) await once(news, 'news', { signal })
    }
  }
}
const work = ({ store, did }: Hub, name: string, changed: () => void) =>
  store.cluster.runAsLeader(name, () => {
    did.push(`begun ${name}`)
    changed()
    return async () => void did.push(`ended ${name}`)
  })
/**
 * Ends the connection of the hub that came so many others after the first one of those there are.
 */
const cut = (others: number) =>
  postgres.run(
    `select pg_terminate_backend(pid) from (select pid from pg_stat_activity where application_name = 'leadmaster-central-hub jobs' order by backend_start offset ${others} limit 1) as its`
  )
const session = (status: string, account = 'main'): Status =>
  ({ status, account }) as unknown as Status
const problem = { type: 'p', status: 503 } as Problem

t.test('sessions are told to the others in order, and again to one that was cut off', async (t) => {
  const url = await ownPlace(t)
  const [one, two] = [await hubAt(t, url), await hubAt(t, url)]
  const states = ['INIT', 'QR_REQUIRED', 'AUTHENTICATED', 'READY', 'DISCONNECTED', 'INIT', 'READY']
  await Promise.all([
    one.store.cluster.notifySession(problem),
    ...states.map((status) => one.store.cluster.notifySession(session(status))),
    one.store.cluster.notifySession(session('ERROR', 'other')),
    one.store.cluster.notifySession(problem),
    one.store.cluster.notifySession(session('READY'))
  ])
  await two.until(() => two.sessions.length === states.length + 4)
  t.same(two.sessions, [
    ' 503',
    ...states.map((status) => `main ${status}`),
    'other ERROR',
    ' 503',
    'main READY'
  ])
  t.same(one.sessions, [], 'what it told itself it does not hear')

  two.sessions.length = 0
  await cut(1)
  await two.until(() => two.sessions.length === 3)
  t.same(
    two.sessions,
    ['other ERROR', ' 503', 'main READY'],
    'the latest of each, what was told last comes last'
  )

  // another one tells of it from now on
  await two.store.cluster.notifySession(session('DISCONNECTED'))
  await one.until(() => one.sessions.length === 1)
  two.sessions.length = 0
  await cut(1)
  await two.until(() => two.sessions.length === 2)
  t.same(two.sessions, ['other ERROR', ' 503'])
})

t.test(
  "work is one hub's at a time, another one takes it up when it is given up, and it is known whether one has it",
  async (t) => {
    const url = await ownPlace(t)
    const [one, two] = [await hubAt(t, url), await hubAt(t, url)]
    const begun = new EventEmitter()
    const first = once(begun, 'one')
    const mine = work(one, 'follow', () => begun.emit('one'))
    await first
    const theirs = work(two, 'follow', () => begun.emit('two'))
    const second = once(begun, 'webhooks')
    work(two, 'webhooks', () => begun.emit('webhooks'))
    await second
    t.equal(theirs.hasOtherLeader(), true, 'both were asked for at once')
    t.equal(mine.hasOtherLeader(), false)

    const third = once(begun, 'two')
    await mine.stop()
    t.same(one.did, ['begun follow', 'ended follow'])
    await third
    t.equal(theirs.hasOtherLeader(), false)
    t.same(two.did, ['begun webhooks', 'begun follow'])
  }
)

t.test('while the database is away nobody has work, and it goes on when it is back', async (t) => {
  const hub = await hubAt(t, await ownPlace(t))
  const begun = new EventEmitter()
  const job = work(hub, 'follow', () => begun.emit('begun'))
  await once(begun, 'begun')
  const again = once(begun, 'begun')
  await postgres.kill()
  await t.rejects(hub.store.cluster.notifyChanged(), {
    message: /^the database at postgres:.* does not answer/
  })
  t.equal(job.hasOtherLeader(), false)
  await postgres.start()
  await again
  t.same(hub.did, ['begun follow', 'ended follow', 'begun follow'])
  await hub.store.cluster.notifyChanged()
})
