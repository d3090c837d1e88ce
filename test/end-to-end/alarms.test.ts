import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Alarm } from '../../src/contract/alarm.ts'
import type { Lead } from '../../src/contract/lead.ts'
import { from, leadOf, reply } from '../browser/rig.ts'
import { fakeSessionManager } from '../central-hub/follow/fake-session-manager.ts'
import { receiver, type Received } from '../central-hub/webhooks/receiver.ts'
import { ownDirectory } from '../platform/own-directory.ts'
import { apiToken, ask, centralHubEnv, freePort, startDaemon, type Daemon } from './daemon.ts'

/** Alarms of the real daemon, which is killed again and again, posted to a real receiver. */

t.setTimeout(600_000)

const kills = 40
/** How many people write before each kill. */
const writers = 3

const post = async (url: string, body: unknown): Promise<void> => {
  const { status } = await ask(url, apiToken, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body)
  })
  if (status !== 201) throw new Error(`${url} answers ${status}`)
}

const addRule = async (url: string): Promise<void> => {
  const steps = [{ after_minutes: 1 }, { after_minutes: 2 }]
  await post(`${url}/api/alarm-rules`, { name: 'waits', event: 'lead.waiting', steps })
}

/** A hub that follows a journal, and a receiver of its alarms. */
const startHub = async (t: Test) => {
  const upstream = await fakeSessionManager(t)
  const crm = await receiver(t)
  const env = {
    ...centralHubEnv({
      port: await freePort(),
      stateDir: join(ownDirectory(t), 'state'),
      sessionManager: upstream.url
    }),
    LOG_LEVEL: 'info',
    WEBHOOK_PRIVATE_ADDRESSES: '127.0.0.0/8'
  }
  const start = (): Daemon => {
    const daemon = startDaemon('central-hub', env)
    t.teardown(() => daemon.end('SIGKILL'))
    return daemon
  }
  const first = start()
  await first.seen('listening')
  await post(`${first.url}/api/webhooks`, { url: crm.url, events: ['lead.waiting'] })
  return { upstream, crm, first, start }
}

const told = ({ body }: Received): { alarm: Alarm; lead: Lead } =>
  body.data as { alarm: Alarm; lead: Lead }
const stepOf = (each: Received): string => `${told(each).lead.id} ${told(each).alarm.step}`

t.test('a lead that was answered while the hub was down has no alarm', async (t) => {
  const { upstream, crm, first, start } = await startHub(t)
  const [answered, waiting] = ['5215500000001', '5215500000002']
  upstream.journal.append([from(answered, 'How much is it?', 300)], 'live')
  await first.seen('following')
  await leadOf(first.url, answered)
  await first.end('SIGKILL')
  // Many, so that to follow them takes a while.
  const others = Array.from({ length: 3_000 }, (_, n) => reply('5215500000009', `${n}`, 290))
  const since = [reply(answered, 'A hundred', 200), from(waiting, 'And now?', 200)]
  // The rule is there before the answer is taken.
  const holding = start()
  await holding.seen('listening')
  await addRule(holding.url)
  await holding.end('SIGKILL')
  upstream.journal.append([...others, ...since], 'live')

  start()
  await crm.until(({ taken }) => taken.length > 0)

  t.same([...new Set(crm.taken.map((each) => told(each).lead.phone))], [`+${waiting}`])
})

t.test(
  'each lead that waits has its alarms, each under one id, whenever the hub is killed',
  async (t) => {
    const { upstream, crm, first, start } = await startHub(t)
    await addRule(first.url)
    let hub = first
    for (let kill = 0; kill < kills; kill += 1) {
      const asked = Array.from({ length: writers }, (_, person) =>
        from(`52155${String(kill * writers + person).padStart(8, '0')}`, 'How much is it?', 300)
      )
      upstream.journal.append(asked, 'live')
      await hub.seen('following')
      await pause(randomInt(700))
      await hub.end('SIGKILL')
      hub = start()
      await hub.seen('listening')
    }
    await crm.until(({ taken }) => new Set(taken.map(stepOf)).size === kills * writers * 2)

    const byStep = Map.groupBy(crm.received, stepOf)
    for (const [step, all] of byStep)
      t.equal(new Set(all.map(({ body }) => body.id)).size, 1, `lead and step ${step}`)
    t.comment(`${crm.received.length} requests for ${byStep.size} alarms, ${kills} kills`)
  }
)
