import t from 'tap'
import type { Lead, Message } from '../../src/contract/lead.ts'
import type { Qr, Status } from '../../src/contract/session.ts'
import { openSse, type SseClient } from '../platform/http/sse-client.ts'
import { apiToken, ask } from './daemon.ts'
import { withStack } from './stack.ts'

/**
 * The whole way, as a frontend sees it: QR, scan, a lead writes, the operator answers by hand, the
 * wait is over.
 */

t.setTimeout(900_000)

const bearer = { authorization: `Bearer ${apiToken}` }
const data = <T>({ data }: { data: string }): T => JSON.parse(data) as T
const message = (client: SseClient, fits: (message: Message) => boolean): Promise<Message> =>
  client
    .until((event) => event.event === 'message' && fits(data<Message>(event)))
    .then((event) => data<Message>(event))
const lead = (client: SseClient, fits: (lead: Lead) => boolean): Promise<Lead> =>
  client
    .until((event) => event.event === 'lead' && fits(data<Lead>(event)))
    .then((event) => data<Lead>(event))
const session = (client: SseClient, status: string): Promise<unknown> =>
  client.until((event) => event.event === 'session' && data<Status>(event).status === status)

t.test('a message from WhatsApp reaches the frontend', (t) =>
  withStack(t, {}, async ({ web, hub, sessionManager, leads, messages }) => {
    await hub.listening()
    const client = await openSse(`${hub.url}/api/events`, bearer)
    await session(client, 'QR_REQUIRED')
    const { body: qr } = await ask<Qr>(`${hub.url}/api/whatsapp/qr`, apiToken)
    t.match(qr, { status: 'QR_AVAILABLE', qr: /^data:image\/png;base64,/, attempt: 1 })
    await web.scan()
    await session(client, 'READY')
    t.match((await ask<Status>(`${hub.url}/api/whatsapp/status`, apiToken)).body, {
      status: 'READY',
      linked: true,
      me: { phone: /^\+/ }
    })

    const sent = web.phone.text({
      from: '+5215512345678',
      name: 'Ana',
      text: 'Hola, ¿sigue disponible?'
    })
    const seen = await message(client, ({ id }) => id === sent.id)
    t.match(seen, {
      body: 'Hola, ¿sigue disponible?',
      from_me: false,
      phone: '+5215512345678',
      name: 'Ana',
      source: 'live'
    })
    const waiting = await lead(client, ({ waiting_since }) => waiting_since !== null)
    t.match(await leads(), [
      {
        id: waiting.id,
        phone: '+5215512345678',
        name: 'Ana',
        state: 'new',
        waiting_since: new Date(sent.t * 1_000).toISOString()
      }
    ])
    t.match(await messages(`/api/leads/${waiting.id}/messages`), [{ id: sent.id }])
    t.match(await messages('/api/messages?q=disponible'), [{ id: sent.id }])

    const answer = web.phone.text({
      to: '+5215512345678',
      text: 'Sí, ¿cuándo la quiere ver?',
      t: sent.t + 1
    })
    await message(client, ({ id, from_me }) => id === answer.id && from_me)
    await lead(client, ({ id, waiting_since }) => id === waiting.id && waiting_since === null)
    t.same(await leads('?waiting=true'), [])
    t.equal(
      (await ask<Status>(`${hub.url}/api/whatsapp/status`, apiToken)).body.outbound_blocked,
      0,
      'nothing even tried to send'
    )

    await t.test('what becomes of a message since', async (t) => {
      web.phone.edit({ message: sent.id, text: 'Hola, ¿sigue disponible la roja?' })
      await message(
        client,
        ({ id, edited_at, body }) => id === sent.id && edited_at !== null && body.includes('roja')
      )
      web.phone.react({ from: '+5215512345678', message: answer.id, emoji: '👍' })
      t.match(
        await message(client, ({ id, reactions }) => id === answer.id && reactions.length > 0),
        { reactions: [{ emoji: '👍' }] }
      )
      const image = web.phone.media({
        from: '+5215512345678',
        kind: 'image',
        bytes: Buffer.alloc(5_000, 1),
        mimetype: 'image/jpeg',
        caption: 'esta'
      })
      t.match(
        await message(client, ({ id, media }) => id === image.id && media?.state === 'stored'),
        { media: { sha256: image.sha256, size: 5_000 } }
      )
      web.phone.revoke({ message: image.id })
      await message(client, ({ id, revoked_by }) => id === image.id && revoked_by === 'sender')
    })

    await t.test('the hub is away, and nothing is missed', async (t) => {
      client.close()
      const last = client.events.findLast(({ id }) => id !== undefined)?.id as string
      await hub.kill('SIGTERM')
      const meanwhile = web.phone.text({ from: '+5215512345678', text: 'while the hub was away' })
      await hub.listening()
      const again = await openSse(`${hub.url}/api/events`, { ...bearer, 'last-event-id': last })
      await message(again, ({ id }) => id === meanwhile.id)
      again.close()
      t.pass('it came')
    })

    await t.test(
      'session-manager is away: the hub says so, serves what it has, and reads back the rest',
      async (t) => {
        const again = await openSse(`${hub.url}/api/events`, bearer)
        await sessionManager.kill('SIGTERM')
        const meanwhile = web.phone.text({
          from: '+5215500000001',
          name: 'Luz',
          text: 'while nobody listened'
        })
        t.match(await message(again, ({ id }) => id === meanwhile.id), {
          source: 'backfill',
          body: 'while nobody listened'
        })
        t.match(await leads('?q=luz'), [{ phone: '+5215500000001' }])
        again.close()
      }
    )
  })
)
