import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { InboundRecord, type RecordKind } from '../../src/contract/record.ts'
import { mediaPath } from '../../src/session-manager/journal/media.ts'
import { conforms } from '../platform/conforms.ts'
import type { Sent } from '../whatsapp-web/phone.ts'
import { withSession, type Session } from './session.ts'

/**
 * What happens in WhatsApp, and the record each of it becomes: one daemon, one linked device,
 * everything live.
 */

const ana = '+5215512345678'
const anaId = '5215512345678@c.us'
const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, index) => (index * 7) % 256))

const live = async (
  t: Test,
  session: Session,
  kind: RecordKind,
  id: string
): Promise<InboundRecord['message']> => {
  const record = await session.record((one) => one.kind === kind && one.message.id === id)
  conforms(t, InboundRecord, record, `${kind} ${record.message.type}`)
  t.equal(record.source, 'live', `${kind} ${record.message.type} is captured as it happens`)
  return record.message
}

t.setTimeout(900_000)

t.test('every kind of message', (t) =>
  withSession(
    t,
    { linked: true, env: { BACKFILL_INTERVAL: '1h', MEDIA_MAX_SIZE: '100KiB' } },
    async (session) => {
      const { phone } = session.web
      const me = phone.me.id
      const message = (sent: Sent): Promise<InboundRecord['message']> =>
        live(t, session, 'message', sent.id)
      const media = (sent: Sent): Promise<InboundRecord['message']> =>
        live(t, session, 'media', sent.id)

      await t.test('text', async (t) => {
        const sent = phone.text({ from: ana, name: 'Ana', text: 'Hola 👋\n¿sigue disponible?' })
        t.same(await message(sent), {
          id: sent.id,
          chat_id: anaId,
          from: anaId,
          to: me,
          phone: ana,
          name: 'Ana',
          from_me: false,
          type: 'chat',
          body: 'Hola 👋\n¿sigue disponible?',
          timestamp: sent.t,
          has_media: false
        })
        const answer = phone.text({
          from: ana,
          text: 'and this',
          quotes: sent.id,
          mentions: [me],
          forwarded: true
        })
        t.match(await message(answer), { quoted_id: sent.id, mentions: [me], forwarded: true })
      })

      await t.test("the operator's own reply, written on the phone", async (t) => {
        const sent = phone.text({ to: ana, text: 'Sí, sigue' })
        t.match(await message(sent), {
          id: sent.id,
          chat_id: anaId,
          from: me,
          to: anaId,
          phone: ana,
          from_me: true,
          body: 'Sí, sigue'
        })
        t.match(await message(phone.text({ to: ana, text: 'what I said', quotes: sent.id })), {
          quoted_id: sent.id
        })
      })

      await t.test(
        'media: described at once, then fetched, decrypted and on disk under its SHA-256',
        async (t) => {
          for (const [kind, facts] of [
            ['image', { mimetype: 'image/jpeg' }],
            ['video', { mimetype: 'video/mp4', duration: 12 }],
            ['audio', { mimetype: 'audio/mpeg', duration: 3 }],
            ['ptt', { mimetype: 'audio/ogg; codecs=opus', duration: 4 }],
            ['document', { mimetype: 'application/pdf', filename: 'plan.pdf' }],
            ['sticker', { mimetype: 'image/webp' }]
          ] as const) {
            const own = Buffer.concat([bytes, Buffer.from(kind)])
            const sent = phone.media({
              from: ana,
              kind,
              bytes: own,
              caption: `my ${kind}`,
              ...facts
            })
            t.match(await message(sent), {
              type: kind,
              body: `my ${kind}`,
              has_media: true,
              media: { state: 'pending', size: own.length, sha256: sent.sha256, ...facts }
            })
            t.match(await media(sent), {
              media: { state: 'stored', size: own.length, sha256: sent.sha256, ...facts }
            })
            t.ok(
              own.equals(await readFile(mediaPath(join(session.stateDir, 'media'), sent.sha256))),
              `${kind} on disk`
            )
          }
        }
      )

      await t.test('media that is too large, or claims not to be', async (t) => {
        const large = phone.media({ from: ana, kind: 'video', bytes, size: 50_000_000 })
        t.match((await message(large)).media, { state: 'skipped', size: 50_000_000 })
        const liar = phone.media({
          from: ana,
          kind: 'image',
          bytes: Buffer.alloc(200_000, 1),
          size: 10
        })
        t.match((await message(liar)).media, { state: 'pending', size: 10 })
        t.match((await media(liar)).media, {
          state: 'skipped',
          size: 200_000,
          reason: 'larger than MEDIA_MAX_SIZE'
        })
      })

      await t.test(
        'media that WhatsApp has no more are given up at the first attempt, and keep nothing else waiting',
        async (t) => {
          const lost = phone.media({ from: ana, kind: 'image', bytes, lost: true })
          t.match(await message(lost), { media: { state: 'pending' } })
          t.match((await media(lost)).media, {
            state: 'failed',
            reason: 'WhatsApp and the phone no longer have the media'
          })
          const next = phone.media({ from: ana, kind: 'image', bytes })
          t.match((await media(next)).media, { state: 'stored' })
        }
      )

      await t.test('locations, contacts, polls, calls, and what nobody knows', async (t) => {
        t.match(
          await message(
            phone.location({
              from: ana,
              latitude: 19.4326,
              longitude: -99.1332,
              place: 'Zócalo',
              address: 'Centro, CDMX'
            })
          ),
          {
            type: 'location',
            location: {
              latitude: 19.4326,
              longitude: -99.1332,
              name: 'Zócalo',
              address: 'Centro, CDMX'
            }
          }
        )
        t.match(
          await message(phone.location({ from: ana, latitude: -33.5, longitude: 70, live: true })),
          { type: 'location', location: { latitude: -33.5, longitude: 70 } }
        )
        const card = await message(
          phone.contacts({ from: ana, cards: [{ name: 'Beto', phone: '+5215599999999' }] })
        )
        t.match(card, { type: 'vcard', contacts: [/^BEGIN:VCARD\n[^]*waid=5215599999999/] })
        const cards = await message(
          phone.contacts({
            from: ana,
            cards: [
              { name: 'Beto', phone: '+5215599999999' },
              { name: 'Caro', phone: '+5215588888888' }
            ]
          })
        )
        t.match(cards, { type: 'multi_vcard', contacts: [/FN:Beto/, /FN:Caro/] })
        t.match(await message(phone.call({ from: ana })), { type: 'call_log', phone: ana })
        t.match(
          await message(
            phone.raw({ from: ana, type: 'hologram_2031', facts: { body: 'from the future' } })
          ),
          { type: 'hologram_2031', body: 'from the future' }
        )
      })

      await t.test('a poll and its votes: given, changed, taken back', async (t) => {
        const sent = phone.poll({
          to: ana,
          question: 'When?',
          options: ['Mon', 'Tue', 'Wed'],
          multiple: true
        })
        t.match(await message(sent), {
          type: 'poll_creation',
          body: 'When?',
          poll: { options: ['Mon', 'Tue', 'Wed'], multiple: true }
        })
        for (const options of [['Mon'], ['Mon', 'Wed'], []]) {
          phone.vote({ from: ana, poll: sent.id, options })
          const { message } = await session.record(
            ({ kind, message }) => kind === 'vote' && message.body === options.join(', ')
          )
          t.match(message, {
            vote: { message_id: sent.id, options },
            phone: ana,
            type: 'poll_vote'
          })
        }
      })

      await t.test('groups: who writes, and what happens to them', async (t) => {
        const group = phone.group({ subject: 'Casas', participants: [ana, '+5215511111111'] })
        const sent = phone.text({ from: ana, group, name: 'Ana', text: 'hello all' })
        t.match(await message(sent), {
          chat_id: group,
          from: group,
          author: anaId,
          phone: ana,
          name: 'Ana',
          body: 'hello all'
        })
        const answer = await message(phone.text({ group, text: 'hello Ana', quotes: sent.id }))
        t.match(answer, { from_me: true, chat_id: group, quoted_id: sent.id })
        t.notOk(answer.phone, 'a group has no phone number')
        for (const [subtype, who, text] of [
          ['add', ['+5215522222222'], ''],
          ['leave', ['+5215511111111'], ''],
          ['promote', [ana], ''],
          ['subject', [], 'Casas nuevas'],
          ['membership_approval_request', ['+5215533333333'], '']
        ] as const) {
          const notice = await message(phone.groupNotice({ group, by: ana, subtype, who, text }))
          t.match(notice, {
            type: 'gp2',
            chat_id: group,
            author: anaId,
            body: text,
            group: { subtype, recipients: who.map((one) => `${one.slice(1)}@c.us`) }
          })
        }
      })

      await t.test(
        'a LID becomes a phone number where WhatsApp knows it, and stays a LID where not',
        async (t) => {
          phone.lid({ lid: '118999881199@lid', phone: '+5215577777777' })
          t.match(await message(phone.text({ from: '118999881199@lid', text: 'known' })), {
            chat_id: '118999881199@lid',
            lid: '118999881199@lid',
            phone: '+5215577777777'
          })
          const unknown = await message(phone.text({ from: '118000000000@lid', text: 'unknown' }))
          t.match(unknown, { lid: '118000000000@lid' })
          t.notOk(unknown.phone)
          phone.lid({ lid: '118000000000@lid', phone: '+5215566666666' })
          t.match(await message(phone.text({ from: '118000000000@lid', text: 'known now' })), {
            phone: '+5215566666666'
          })
          const group = phone.group({
            subject: 'LIDs',
            participants: ['118999881199@lid'],
            lids: true
          })
          t.match(
            await message(phone.text({ from: '118999881199@lid', group, text: 'in a group' })),
            { author: '118999881199@lid', lid: '118999881199@lid', phone: '+5215577777777' }
          )
        }
      )

      await t.test('edited, deleted for everyone, deleted for me', async (t) => {
        const sent = phone.text({ from: ana, text: 'I pay 100' })
        await message(sent)
        phone.edit({ message: sent.id, text: 'I pay 200' })
        t.match(await live(t, session, 'edit', sent.id), {
          body: 'I pay 200',
          edited: { previous: 'I pay 100' }
        })
        phone.revoke({ message: sent.id })
        t.match(await live(t, session, 'revoke', sent.id), { body: '', revoked: { by: 'sender' } })
        const other = phone.text({ from: ana, text: 'nothing of note' })
        await message(other)
        phone.deleteForMe({ message: other.id })
        t.match(await live(t, session, 'revoke', other.id), { revoked: { by: 'me' } })
        const image = phone.media({ from: ana, kind: 'image', bytes, caption: 'before' })
        await message(image)
        phone.edit({ message: image.id, text: 'after' })
        t.match(await live(t, session, 'edit', image.id), { body: 'after', type: 'image' })
      })

      await t.test('reactions: set, changed, removed; the operator’s too', async (t) => {
        const sent = phone.text({ from: ana, text: 'react to me' })
        await message(sent)
        for (const emoji of ['👍', '❤️', '']) {
          phone.react({ from: ana, message: sent.id, emoji })
          const { message } = await session.record(
            (one) =>
              one.kind === 'reaction' &&
              one.message.reaction?.message_id === sent.id &&
              one.message.body === emoji
          )
          t.match(message, {
            reaction: { emoji, sender: anaId },
            phone: ana,
            chat_id: anaId,
            from_me: false
          })
        }
        phone.react({ message: sent.id, emoji: '🙏' })
        const { message: mine } = await session.record(
          (one) => one.kind === 'reaction' && one.message.body === '🙏'
        )
        t.match(mine, { from_me: true, reaction: { message_id: sent.id, sender: me } })
      })

      await t.test(
        'what cannot be decrypted at once is known at once, and follows when it can',
        async (t) => {
          const sent = phone.ciphertext({ from: ana, text: 'secret' })
          t.match(await live(t, session, 'ciphertext', sent.id), { type: 'ciphertext', body: '' })
          phone.decrypt({ message: sent.id })
          t.match(await message(sent), { type: 'chat', body: 'secret' })
          t.equal(
            (await session.records()).filter(
              ({ message, kind }) => message.id === sent.id && kind === 'edit'
            ).length,
            0,
            'being decrypted is no edit'
          )

          const resent = phone.ciphertext({ from: ana, text: 'asked for again', resend: true })
          const never = phone.ciphertext({ from: ana, text: 'never' })
          t.match(await message(resent), { body: 'asked for again' })
          t.match(await live(t, session, 'ciphertext_failed', never.id), { type: 'ciphertext' })
        }
      )

      const records = await session.records()
      t.same(
        records.map(({ seq }) => seq),
        records.map((_, index) => index + 1),
        'seq has no gap'
      )
      t.match(await session.status(), {
        outbound_blocked: 0,
        status: 'READY',
        journal: { last_seq: records.length }
      })
    }
  )
)
