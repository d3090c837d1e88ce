import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import type { Alarm } from '../../src/contract/alarm.ts'
import type { Lead } from '../../src/contract/lead.ts'
import { from } from '../browser/rig.ts'
import { fakeSessionManager } from '../central-hub/follow/fake-session-manager.ts'
import { receiver, type Received } from '../central-hub/webhooks/receiver.ts'
import { ownDirectory } from '../platform/own-directory.ts'
import { apiToken, ask, centralHubEnv, freePort, startDaemon } from './daemon.ts'

/** Alarms of the real daemon, which is killed again and again, posted to a real receiver. */

t.setTimeout(600_000)

const kills = 40
/** How many people write before each kill. */
const writers = 3

const post = (url: string, body: unknown) =>
  ask<{ id: number }>(url, apiToken, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body)
  })

const told = ({ body }: Received): { alarm: Alarm; lead: Lead } =>
  body.data as { alarm: Alarm; lead: Lead }

t.test(
  'each lead that waits has its alarms, each under one id, whenever the hub is killed',
  async (t) => {
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
    const start = () => {
      const daemon = startDaemon('central-hub', env)
      t.teardown(() => daemon.end('SIGKILL'))
      return daemon
    }
    let hub = start()
    await hub.seen('listening')
    const webhook = { url: crm.url, events: ['lead.waiting'] }
    t.equal((await post(`${hub.url}/api/webhooks`, webhook)).status, 201)
    const rule = {
      name: 'waits',
      event: 'lead.waiting',
      steps: [{ after_minutes: 1 }, { after_minutes: 2 }]
    }
    t.equal((await post(`${hub.url}/api/alarm-rules`, rule)).status, 201)

    for (let kill = 0; kill < kills; kill += 1) {
      const asked = Array.from({ length: writers }, (_, person) =>
        from(`52155${String(kill * writers + person).padStart(8, '0')}`, 'How much is it?', 300)
      )
      upstream.journal.append(asked, 'live')
      await hub.seen('following')
      await pause(randomInt(150))
      await hub.end('SIGKILL')
      hub = start()
      await hub.seen('listening')
      await pause(randomInt(150))
    }
    await crm.until(({ taken }) => {
      const alarms = new Set(taken.map((each) => `${told(each).lead.id} ${told(each).alarm.step}`))
      return alarms.size === kills * writers * 2
    })

    const ids = Map.groupBy(
      crm.received,
      (each) => `${told(each).lead.id} ${told(each).alarm.step}`
    )
    for (const [of, all] of ids)
      t.equal(new Set(all.map(({ body }) => body.id)).size, 1, `lead and step ${of}`)
    t.comment(`${crm.received.length} requests for ${ids.size} alarms, ${kills} kills`)
    const { body } = await ask<{ alarms: Alarm[] }>(`${hub.url}/api/alarms?limit=200`, apiToken)
    t.equal(new Set(body.alarms.map(({ id }) => id)).size, 200, 'a page of the alarms')
  }
)
