import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { InboundPage } from '../../src/contract/record.ts'
import { Erased, type Status } from '../../src/contract/session.ts'
import { conforms } from '../platform/conforms.ts'
import { ask, token } from './daemon.ts'
import { withSession } from './session.ts'

/**
 * Erasing a lead's data for good, while WhatsApp Web goes on holding it: the real session-manager
 * in the real Chromium.
 */

t.setTimeout(900_000)

const ana = '+5215512345678'
const bea = '+5215500000000'

t.test(
  'what is erased is gone from the disk, stays out when WhatsApp shows it again, and what is new is captured',
  (t) =>
    withSession(
      t,
      { linked: true, env: { BACKFILL_INTERVAL: '1h', BACKFILL_OVERLAP: '1h' } },
      async (session) => {
        const { phone } = session.web
        phone.text({ from: ana, name: 'MARKER-name', text: 'MARKER-text' })
        const photo = phone.media({
          from: ana,
          kind: 'image',
          bytes: Buffer.from('MARKER-photo'),
          filename: 'MARKER-file'
        })
        const kept = phone.media({
          from: bea,
          kind: 'image',
          bytes: Buffer.from('of somebody else')
        })
        for (const { id } of [photo, kept])
          await session.record(({ kind, message }) => kind === 'media' && message.id === id)
        const media = (sha256: string): Promise<Response> =>
          fetch(`${session.daemon.url}/media/${sha256}`, {
            headers: { authorization: `Bearer ${token}` }
          })
        t.equal(await (await media(photo.sha256)).text(), 'MARKER-photo')

        const erase = async (): Promise<Erased> =>
          (
            await ask<Erased>(`${session.daemon.url}/erase`, token, {
              method: 'POST',
              headers: { 'content-type': 'application/json' },
              body: JSON.stringify({ chat_ids: [photo.chat] })
            })
          ).body
        const before = (await ask<Status>(`${session.daemon.url}/status`, token)).body.journal
          .last_seq
        const erased = await erase()
        conforms(t, Erased, erased, '/erase')
        t.same(erased, { records: 3, media_files: 1, chat_ids: [photo.chat] })
        t.same(await erase(), { records: 0, media_files: 0, chat_ids: [photo.chat] })
        t.equal((await media(photo.sha256)).status, 404)
        t.equal((await media(kept.sha256)).status, 200)
        const files = readdirSync(session.stateDir, {
          withFileTypes: true,
          recursive: true
        }).filter((entry) => entry.isFile() && !entry.parentPath.includes('profile'))
        t.ok(files.some(({ name }) => name === 'journal.db'))
        for (const { parentPath, name } of files) {
          const bytes = readFileSync(join(parentPath, name))
          for (const secret of ['MARKER', ana.slice(1)])
            t.notOk(bytes.includes(secret), `${secret} in ${name}`)
        }

        // on READY all that WhatsApp Web holds is read back
        await session.daemon.end()
        await session.start()
        await session.ready()
        await session.daemon.seen('backfill')
        const after = phone.text({ from: ana, text: 'a new question' })
        await session.record(({ message }) => message.id === after.id)
        const { records } = (
          await ask<InboundPage>(`${session.daemon.url}/inbound?limit=1000`, token)
        ).body
        t.equal(records.filter(({ kind }) => kind === 'erased').length, 3)
        t.same(
          records
            .filter(({ seq }) => seq > before)
            .flatMap((record) => (record.kind === 'erased' ? [] : [record.message.body])),
          ['a new question']
        )
        t.notMatch(
          JSON.stringify(session.daemon.lines),
          /MARKER|5215512345678/,
          'nothing of it is in the log'
        )
      }
    )
)
