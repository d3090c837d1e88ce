import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { fakeSessionManager } from '../central-hub/follow/fake-session-manager.ts'
import { receiver } from '../central-hub/webhooks/receiver.ts'
import { lintMetrics, metricTypes, sample } from '../platform/lint-metrics.ts'
import { ownDirectory } from '../platform/own-directory.ts'
import { startPostgres } from '../platform/postgres-server.ts'
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
 * `/metrics` of the real daemons: its form, its names, what the handbook says of them, and that two
 * hubs add up.
 */

t.setTimeout(900_000)

const handbook = readFileSync(new URL('../../deploy/systemd/README.md', import.meta.url), 'utf8')

const read = async ({ url }: Daemon, bearer: string): Promise<string> =>
  (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${bearer}` } })).text()

/** The names of a daemon are one prefix's, those of before aside, and the handbook has each. */
const assertNames = (t: Test, text: string): void => {
  t.same(lintMetrics(text), [])
  const names = [...metricTypes(text).keys()].filter((name) => !/^(process|nodejs)_/.test(name))
  const [ours, before] = [
    names.filter((name) => name.startsWith('leadmaster_')),
    names.filter((name) => !name.startsWith('leadmaster_'))
  ]
  t.ok(ours.length > 0)
  for (const name of ours) t.match(handbook, `| \`${name}\``, `the handbook has ${name}`)
  for (const name of before) {
    const today =
      ours.find((each) => each === `leadmaster_${name}`) ??
      'leadmaster_profile_backup_timestamp_seconds'
    t.match(
      text,
      `# HELP ${name} Deprecated, ends after release`,
      `${name} is told of as deprecated`
    )
    t.match(
      handbook,
      new RegExp(`^\\| \`${today}\`.*\\| \`${name}\` \\|$`, 'm'),
      `the handbook has ${name} beside ${today}`
    )
  }
}

t.test('two accounts, a webhook that is down, two hubs on one database', async (t) => {
  const postgres = await startPostgres()
  t.teardown(() => postgres.remove())
  const [main, sales, to, database] = [
    await fakeSessionManager(t),
    await fakeSessionManager(t, { account: 'sales' }),
    await receiver(t),
    await postgres.create()
  ]
  to.answer(() => 500)
  const begin = async (): Promise<Daemon> => {
    const daemon = startDaemon('central-hub', {
      ...centralHubEnv({
        port: await freePort(),
        stateDir: join(ownDirectory(t), 'state'),
        sessionManager: main.url
      }),
      LOG_LEVEL: 'info',
      DATABASE_URL: database,
      FURTHER_SESSION_MANAGERS: `sales=${sales.url}`,
      WEBHOOK_PRIVATE_ADDRESSES: '127.0.0.0/8'
    })
    t.teardown(() => daemon.end('SIGKILL'))
    await daemon.seen('listening')
    return daemon
  }
  const hubs = [await begin(), await begin()] as const
  const { body } = await ask<{ id: number }>(`${hubs[0].url}/api/webhooks`, apiToken, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ url: to.url, events: ['message.created'] })
  })
  // The fake captures now what was written now.
  const now = Math.floor(Date.now() / 1_000)
  const written = (id: string, timestamp: number) => ({
    ...newRecord(id),
    message: { ...newRecord(id).message, timestamp }
  })
  main.journal.append([written('1', now - 60), written('2', now - 50)], 'live')
  sales.journal.append([written('3', now - 40)], 'live')
  await to.until(({ received }) => received.length >= 2)

  const texts = await Promise.all(hubs.map((hub) => read(hub, apiToken)))
  for (const text of texts) assertNames(t, text)
  const sum = (name: string): number =>
    texts.reduce((all, text) => all + (sample(text, name) || 0), 0)
  t.equal(
    sum('leadmaster_messages_total{account="main",direction="inbound"}'),
    2,
    'the hubs add up'
  )
  t.equal(sum('leadmaster_messages_total{account="sales",direction="inbound"}'), 1)
  for (const text of texts) {
    t.equal(
      sample(text, 'leadmaster_leads_waiting{account="main"}'),
      1,
      'of the store, each hub says the same'
    )
    t.ok(sample(text, 'leadmaster_leads_waiting_longest_seconds{account="main"}') >= 60)
    t.equal(sample(text, 'leads_waiting{account="sales"}'), 1, 'under the name of before, too')
    t.equal(sample(text, `leadmaster_webhook_pending{webhook="${body.id}"}`), 3)
    t.ok(sample(text, `leadmaster_webhook_oldest_pending_seconds{webhook="${body.id}"}`) > 0)
  }
})

t.test('session-manager', async (t) => {
  const daemon = startDaemon(
    'session-manager',
    sessionManagerEnv({
      port: await freePort(),
      stateDir: join(ownDirectory(t), 'state'),
      chromiumPath: '/bin/true'
    })
  )
  t.teardown(() => daemon.end('SIGKILL'))
  await daemon.seen('listening')
  assertNames(t, await read(daemon, token))
})
