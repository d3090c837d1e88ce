import { jetstreamManager } from '@nats-io/jetstream'
import t, { type Test } from 'tap'
import { leaseBucket, openLeaseKey } from '../../../src/session-manager/cluster/lease-bucket.ts'
import { LeaseKeeper } from '../../../src/session-manager/cluster/lease-keeper.ts'
import { connectionTo, natsFor, natsServer, type NatsServer } from '../../nats/nats-server.ts'
import { logLines } from '../../platform/log-lines.ts'
import { ownDirectory } from '../../platform/own-directory.ts'

/** Leases at a real nats-server. */

t.setTimeout(900_000)

const never = new AbortController().signal

const keeper = (t: Test, server: NatsServer, account = 'main') => {
  const lost: string[] = []
  const logged = logLines()
  const made = new LeaseKeeper({
    account,
    nats: natsFor(t, server.url),
    ttlMs: 3_000,
    replicas: 1,
    profile: `${ownDirectory(t)}/profile`,
    onLost: (reason) => lost.push(reason),
    log: logged.log
  })
  t.teardown(() => made.release())
  return Object.assign(made, { lost, logged })
}

t.test(
  'the first has it and keeps it; the second waits, says for whom, and has it as soon as it is given up',
  async (t) => {
    const server = await natsServer(t)
    const first = keeper(t, server)
    await first.acquire(() => undefined, never)
    t.ok(first.isHeld())
    const second = keeper(t, server)
    const said = Promise.withResolvers<void>()
    const reasons: string[] = []
    const admitted = second.acquire((reason) => {
      reasons.push(reason)
      if (/is run by/.test(reason)) said.resolve()
    }, never)
    await said.promise
    t.notOk(second.isHeld())
    t.match(
      reasons.at(-1),
      /^the account main is run by .+ since 2.+: this host takes it over when that one stops$/
    )
    await first.release()
    await admitted
    t.ok(second.isHeld())
    t.same(second.lost, [])
    const other = keeper(t, server, 'sales')
    await other.acquire(() => undefined, never)
    t.pass('another account is another matter')
  }
)

t.test('waiting is over when it is not wanted any more', async (t) => {
  const server = await natsServer(t)
  const first = keeper(t, server)
  await first.acquire(() => undefined, never)
  const second = keeper(t, server)
  const leave = new AbortController()
  const admitted = second.acquire(() => leave.abort(), leave.signal)
  await t.rejects(admitted, { name: 'AbortError' })
})

t.test('a lease that is taken away by hand is lost at once', async (t) => {
  const server = await natsServer(t)
  const first = keeper(t, server)
  const { lost, logged } = first
  await first.acquire(() => undefined, never)
  const manager = await jetstreamManager(await connectionTo(t, server))
  await manager.streams.purge(`KV_${leaseBucket}`)
  while (lost.length === 0) await new Promise((resolve) => setTimeout(resolve, 20))
  t.same(lost, ["the account main is this host's no more"])
  t.match(logged.of('lease_lost'), [{ level: 'warn', account: 'main' }])
})

t.test(
  'the bucket: the TTL that it was made with counts for everybody; what was given up or has expired can be taken',
  async (t) => {
    const server = await natsServer(t)
    const connection = await connectionTo(t, server)
    const key = await openLeaseKey(connection, 'main', { ttlMs: 1_000, replicas: 1 })
    const later = await openLeaseKey(connection, 'main', { ttlMs: 60_000, replicas: 1 })
    t.equal(later.ttlMs, 1_000)
    const value = { owner: 'a', host: 'one', since: '2026-11-25T05:00:00.000Z' }
    const revision = (await key.put(value)) as number
    t.equal(await key.put({ ...value, owner: 'b' }), undefined, 'there is one')
    t.equal(await key.put(value, revision + 5), undefined, 'of another revision')
    t.match(await key.look(), { revision, value })
    const renewed = (await key.put(value, revision)) as number
    await key.remove(renewed)
    t.match(await key.look(), { value: undefined })
    const again = await key.put(value)
    t.ok((again as number) > renewed)
    const seen: unknown[] = []
    for await (const sight of await key.watch()) {
      seen.push(sight)
      break
    }
    t.match(seen, [{ revision: again, value }])
    // nothing tells of a key that goes by its time
    while ((await key.look()) !== undefined) await new Promise((resolve) => setTimeout(resolve, 50))
    t.ok(await key.put(value))
  }
)
