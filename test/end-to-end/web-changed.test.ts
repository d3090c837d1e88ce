import t from 'tap'
import type { Message } from '../../src/contract/lead.ts'
import type { Status } from '../../src/contract/session.ts'
import type { WebhookWithSecret } from '../../src/contract/webhook.ts'
import { receiver, verified } from '../central-hub/webhooks/receiver.ts'
import { openSse } from '../platform/http/sse-client.ts'
import { apiToken, ask } from './daemon.ts'
import { withStack } from './stack.ts'

/**
 * WhatsApp Web changes so that nothing can be captured, and is as it was after a while: what
 * operators and frontends see of it.
 */

t.setTimeout(900_000)

const options = {
  sessionManagerEnv: { START_TIMEOUT: '15s', READY_TIMEOUT: '10s', RECONNECT_MAX_DELAY: '500ms' },
  hubEnv: { LOG_LEVEL: 'info', WEBHOOK_PRIVATE_ADDRESSES: '127.0.0.0/8' }
}
const ana = '+5215512345678'

t.test(
  'one webhook for one failure, however often it is tried again; all else goes on, and one tells that it is over',
  (t) =>
    withStack(t, options, async ({ web, sessionManager, hub, leads, messages }) => {
      await hub.listening()
      const frontend = await openSse(`${hub.url}/api/events`, {
        authorization: `Bearer ${apiToken}`
      })
      const session = (fits: (now: Status) => boolean): Promise<unknown> =>
        frontend.until(({ event, data }) => event === 'session' && fits(JSON.parse(data) as Status))
      const message = (id: string): Promise<unknown> =>
        frontend.until(
          ({ event, data }) => event === 'message' && (JSON.parse(data) as Message).id === id
        )
      await session(({ status }) => status === 'QR_REQUIRED')
      await web.scan()
      await session(({ status }) => status === 'READY')
      const before = web.phone.text({ from: ana, name: 'Ana', text: 'before the change' })
      await message(before.id)

      const to = await receiver(t)
      const { status: added, body: webhook } = await ask<WebhookWithSecret>(
        `${hub.url}/api/webhooks`,
        apiToken,
        {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ url: to.url, events: ['session.changed'] })
        }
      )
      t.equal(added, 201)
      const told = (): Status[] =>
        to.received.map((request) => verified(webhook.secret, request).data as Status)

      web.scenario.missing = ['WAWebOfflineHandler']
      const reason = `WhatsApp Web ${web.scenario.version} has changed: its module WAWebOfflineHandler is missing`
      await web.crashPage()
      const failed = await session(
        ({ status, reason: why, failures }) => status === 'ERROR' && why === reason && failures >= 4
      )
      t.ok(failed, 'it fails for that reason, again and again')
      t.ok(
        sessionManager.daemon.lines.filter(
          (line) => line.event === 'session' && line['reason'] === reason
        ).length >= 3
      )

      await t.test('meanwhile the hub answers, and what it has is there', async (t) => {
        const { status, body } = await ask<Status>(`${hub.url}/api/whatsapp/status`, apiToken)
        t.equal(status, 200)
        t.match(body, { status: /^(ERROR|INIT|AUTHENTICATED)$/, account: 'main' })
        for (const path of [
          '/health',
          '/ready',
          '/api/stats',
          '/api/whatsapp/accounts',
          `/api/webhooks/${webhook.id}`
        ])
          t.equal((await ask(hub.url + path, apiToken)).status, 200, path)
        const [lead] = await leads()
        t.match(lead, { name: 'Ana' })
        const changed = await ask(`${hub.url}/api/leads/${lead?.id}`, apiToken, {
          method: 'PATCH',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ note: 'calls back' })
        })
        t.match(changed, { status: 200, body: { note: 'calls back' } })
        t.match(await messages('/api/messages?q=change'), [{ id: before.id }])
        t.same([sessionManager.starts(), hub.starts()], [1, 1], 'neither daemon was ended by it')
      })

      const meanwhile = web.phone.text({ from: ana, text: 'while it was broken' })
      web.scenario.missing = []
      await to.until(() => told().some(({ status }) => status === 'READY'))
      // each webhook gets its own in order: with the last one all are here
      t.same(
        told()
          .filter(({ status }) => status === 'ERROR')
          .map((now) => [now.account, now.reason]),
        [['main', reason]],
        'what fails is named, and told once'
      )
      t.same(
        told().map(({ status }) => status),
        ['DISCONNECTED', 'ERROR', 'READY'],
        'the page is gone; it has changed; it works again'
      )
      await message(meanwhile.id)
      t.match(
        (await messages()).map(({ id }) => id).sort(),
        [before.id, meanwhile.id].sort(),
        'nothing was missed'
      )
      frontend.close()
    })
)
