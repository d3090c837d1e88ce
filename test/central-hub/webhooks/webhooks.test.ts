import t from 'tap'
import { Registry } from 'prom-client'
import { ChangeNotifier } from '../../../src/central-hub/store/outbox/change-notifier.ts'
import { createIngest } from '../../../src/central-hub/follow/ingest.ts'
import { singleInstance } from '../../../src/central-hub/store/database/cluster.ts'
import { createWebhook } from '../../../src/central-hub/store/outbox/webhooks.ts'
import { Webhooks } from '../../../src/central-hub/webhooks/webhooks.ts'
import { ProblemError } from '../../../src/platform/http/problem.ts'
import { logLines } from '../../platform/log-lines.ts'
import { record, testStore } from '../store/open-store.ts'
import { receiver, verified } from './receiver.ts'

t.test(
  'what is taken into the store is on its way at once, and so is a session that changes',
  async (t) => {
    const { db } = await testStore(t)
    const [notifier, registry, to] = [new ChangeNotifier(), new Registry(), await receiver(t)]
    const webhook = await createWebhook(db, {
      url: to.url,
      events: ['message.created', 'session.changed']
    })
    const webhooks = new Webhooks({
      db,
      cluster: singleInstance,
      notifier,
      registry,
      log: logLines().log,
      version: '1.2.3',
      privateAddresses: ['127.0.0.0/8'],
      envFile: '/etc/leadmaster/central-hub.env',
      retentionMs: 0
    })
    t.teardown(() => webhooks.stop(0))
    const ingest = createIngest({ db, onTaken: notifier.notifyChanged })
    await ingest.take('main', 'j', [record('A')])
    await to.until(({ taken }) => taken.length === 1)
    const { problem } = new ProblemError('session-manager-unreachable')
    webhooks.onSession('', problem)
    webhooks.onSession('', problem)
    await to.until(({ taken }) => taken.length === 2)
    t.same(
      to.taken.map((request) => verified(webhook?.secret ?? '', request).type),
      ['message.created', 'session.changed']
    )
    t.equal(to.taken[0]?.headers['user-agent'], 'LeadMaster/1.2.3')

    await webhooks.stop(5_000)
    const metrics = await registry.metrics()
    for (const line of [
      'leadmaster_webhook_deliveries_total{outcome="delivered"} 2',
      'leadmaster_webhook_deliveries_total{outcome="dead"} 0',
      'leadmaster_webhook_pending{webhook="1"} 0',
      'leadmaster_webhook_dead{webhook="1"} 0'
    ])
      t.ok(metrics.split('\n').includes(line), line)
    await ingest.take('main', 'j', [record('B')])
    t.match(
      await registry.metrics(),
      /^leadmaster_webhook_pending\{webhook="1"\} 1$/m,
      'after a stop it waits for the next start'
    )
    t.equal(to.received.length, 2)
  }
)
