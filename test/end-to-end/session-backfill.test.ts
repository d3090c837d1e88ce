import t from 'tap'
import { burst } from '../whatsapp-web/burst.ts'
import { withSession, type Session } from './session.ts'

/**
 * What was missed is read back: over downtime, silence, and a sync that was complete before anybody
 * listened.
 */

t.setTimeout(900_000)

const ana = '+5215512345678'
const ago = (seconds: number): number => Math.floor(Date.now() / 1_000) - seconds

/** The ids of the messages captured so far, with how they came; waits until all of `ids` are. */
const captured = async (session: Session, ids: readonly string[]): Promise<Map<string, string>> => {
  const missing = new Set(ids)
  await session.record(({ kind, message }) => {
    if (kind === 'message') missing.delete(message.id)
    return missing.size === 0
  })
  return new Map(
    (await session.records())
      .filter(({ kind }) => kind === 'message')
      .map(({ message, source }) => [message.id, source])
  )
}

t.test(
  'downtime of session-manager, by a stop and by a kill, loses nothing and doubles nothing',
  (t) =>
    withSession(t, { linked: true, env: { BACKFILL_INTERVAL: '1h' } }, async (session) => {
      const { phone } = session.web
      const first = phone.text({ from: ana, text: 'before' })
      await captured(session, [first.id])

      await session.daemon.end()
      const missed = [
        phone.text({ from: ana, text: 'while down' }),
        phone.text({ to: ana, text: 'and the answer' }),
        phone.text({ from: '+5215599999999', text: 'a new lead' })
      ]
      const image = phone.media({ from: ana, kind: 'image', bytes: Buffer.alloc(5_000, 3) })
      const edited = phone.text({ from: ana, text: 'first thought' })
      phone.edit({ message: edited.id, text: 'second thought' })
      const revoked = phone.text({ from: ana, text: 'never mind' })
      phone.revoke({ message: revoked.id })
      const group = phone.group({ subject: 'Casas', participants: [ana] })
      const inGroup = phone.text({ from: ana, group, text: 'in a group' })
      await session.start()
      await session.ready()
      const all = await captured(
        session,
        [...missed, image, edited, revoked, inGroup].map(({ id }) => id)
      )
      for (const { id } of missed) t.equal(all.get(id), 'backfill')
      t.match(
        await session.record(({ kind, message }) => kind === 'media' && message.id === image.id),
        { message: { media: { state: 'stored', sha256: image.sha256 } } }
      )
      t.match(
        await session.record(({ kind, message }) => kind === 'edit' && message.id === edited.id),
        { message: { body: 'second thought' } }
      )
      t.match(
        await session.record(({ kind, message }) => kind === 'revoke' && message.id === revoked.id),
        { message: { revoked: { by: 'sender' } } }
      )
      t.match(
        (await session.records()).find(({ message }) => message.id === inGroup.id),
        { message: { chat_id: group, author: '5215512345678@c.us' } }
      )

      await session.daemon.end('SIGKILL')
      const again = phone.text({ from: ana, text: 'while killed' })
      await session.start()
      await session.ready()
      await captured(session, [again.id])
      const ids = (await session.records())
        .filter(({ kind }) => kind === 'message')
        .map(({ message }) => message.id)
      t.equal(new Set(ids).size, ids.length, 'no message twice')
      t.equal(ids.length, 9)
    })
)

t.test('messages that the page took in and told nobody of are found at the next interval', (t) =>
  withSession(t, { linked: true, env: { BACKFILL_INTERVAL: '1s' } }, async (session) => {
    const { web } = session
    const heard = web.phone.text({ from: ana, text: 'heard' })
    const lost = web.phone.text({ from: ana, text: 'lost', silent: true })
    const all = await captured(session, [heard.id, lost.id])
    t.equal(all.get(heard.id), 'live')
    t.equal(all.get(lost.id), 'backfill')

    web.stall(true)
    const silence = Array.from(
      { length: 5 },
      (_, index) => web.phone.text({ from: ana, text: `in silence ${index}` }).id
    )
    const found = await captured(session, silence)
    for (const id of silence)
      t.equal(found.get(id), 'backfill', 'the page lives, its events have stopped')
    web.stall(false)
    const after = web.phone.text({ from: ana, text: 'heard again' })
    await captured(session, [after.id])
  })
)

t.test(
  'what is decrypted while nobody listens is found, though it was written long before what is read back',
  (t) =>
    withSession(
      t,
      { linked: true, env: { BACKFILL_FIRST_LINK: '0s', BACKFILL_OVERLAP: '0s' } },
      async (session) => {
        const { phone } = session.web
        const sealed = phone.ciphertext({ from: ana, text: 'the price is right', t: ago(3_600) })
        await session.record(
          ({ kind, message }) => kind === 'ciphertext' && message.id === sealed.id
        )
        await session.daemon.end('SIGKILL')
        phone.decrypt({ message: sealed.id })
        await session.start()
        await session.ready()
        t.equal((await captured(session, [sealed.id])).get(sealed.id), 'backfill')
        t.match(
          (await session.records())
            .filter(({ message }) => message.id === sealed.id)
            .map(({ kind, message }) => [kind, message.body]),
          [
            ['ciphertext', ''],
            ['message', 'the price is right']
          ]
        )
      }
    )
)

t.test(
  'history: many chats with more messages than the page holds, read back as far as the first link goes',
  (t) =>
    withSession(
      t,
      { env: { BACKFILL_FIRST_LINK: '1d', BACKFILL_OVERLAP: '0s' } },
      async (session) => {
        const { web } = session
        const wanted = web.phone.history({
          chats: 30,
          perChat: 12,
          from: ago(40_000),
          spacingS: 100
        })
        const long = web.phone.history({
          chats: 1,
          perChat: 170,
          from: ago(30_000),
          spacingS: 100,
          prefix: '5215511'
        })
        const old = web.phone.history({
          chats: 5,
          perChat: 5,
          from: ago(30 * 86_400),
          prefix: '5215522'
        })
        await web.scan()
        await session.ready()
        const all = await captured(session, [...wanted, ...long])
        t.ok([...wanted, ...long].every((id) => all.get(id) === 'backfill'))
        t.notOk(
          old.some((id) => all.has(id)),
          'what is older is left alone'
        )
        const order = [...all.keys()].filter((id) => long.includes(id))
        t.same(order, long, 'in order within a chat')
      }
    )
)

t.test(
  'a burst while session-manager is killed and started again: all of it, once, in the order of each chat',
  (t) =>
    withSession(t, { linked: true }, async (session) => {
      const { web } = session
      const writing = burst(web.phone, { count: 600, perSecond: 200, chats: 20 })
      await session.record(({ message }) => message.body === 'message 100')
      await session.daemon.end('SIGKILL')
      await session.start()
      await session.ready()
      const ids = await writing
      const all = [...(await captured(session, ids)).keys()]
      t.equal(all.length, 600)
      t.equal(all.length, 600)
      const chatOf = (id: string): string => id.split('_')[1] as string
      for (const chat of new Set(ids.map(chatOf)))
        t.same(
          all.filter((id) => chatOf(id) === chat),
          ids.filter((id) => chatOf(id) === chat),
          chat
        )
    })
)
