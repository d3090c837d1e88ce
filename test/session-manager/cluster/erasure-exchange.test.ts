import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Eraser } from '../../../src/session-manager/journal/eraser.ts'
import { ErasureExchange } from '../../../src/session-manager/cluster/erasure-exchange.ts'
import { Forwarder } from '../../../src/session-manager/cluster/forwarder.ts'
import {
  openJournal,
  type NewRecord,
  type Journal
} from '../../../src/session-manager/journal/journal.ts'
import { mediaPath } from '../../../src/session-manager/journal/media.ts'
import { natsFor, natsServer, type NatsServer } from '../../nats/nats-server.ts'
import { managerOf, streamed } from '../../nats/records.ts'
import { logLines } from '../../platform/log-lines.ts'
import { ownDirectory } from '../../platform/own-directory.ts'
import { newRecord } from '../journal/new-records.ts'

/**
 * Several hosts of one account, each with a journal of its own: what one is asked to erase goes at
 * all.
 */

const group = '120363041234567890@g.us'
const phone = '529912345678901'
const lid = '700000000012345@lid'
const word = 'Zq7secretword'
const start = Math.floor(Date.now() / 1_000) - 1_000

const of = (id: string, more: Partial<NewRecord['message']>): NewRecord =>
  newRecord(id, { body: `${word} ${id}`, phone: `+${phone}`, timestamp: start, ...more })
const chat = `${phone}@c.us`

const sum = 'a'.repeat(64)

/**
 * Of the person: in both chats, in a group, and with media; and what somebody else quotes of it.
 */
const words = (host: string): NewRecord[] => [
  of(`${host}1`, { id: `false_${chat}_${host}1`, chat_id: chat, from: chat }),
  of(`${host}2`, { id: `false_${lid}_${host}2`, chat_id: lid, from: lid, lid }),
  of(`${host}3`, {
    id: `false_${group}_${host}3_${chat}`,
    chat_id: group,
    from: group,
    author: chat
  }),
  of(`${host}4`, {
    id: `false_${chat}_${host}4`,
    chat_id: chat,
    from: chat,
    has_media: true,
    media: { state: 'stored', sha256: sum }
  }),
  newRecord(`${host}5`, {
    id: `false_${group}_${host}5_5215500000000@c.us`,
    chat_id: group,
    from: group,
    author: '5215500000000@c.us',
    phone: '+5215500000000',
    body: 'yes',
    quoted_id: `false_${group}_${host}3_${chat}`,
    timestamp: start
  })
]

interface Host {
  journal: Journal
  eraser: Eraser
  forwarder: Forwarder
  directory: string
  stop(): Promise<void>
}

/** @param term undefined: the host stands by */
const startHost = (
  t: Test,
  server: NatsServer,
  directory: string,
  term: () => number | undefined
): Host => {
  const { log } = logLines()
  const nats = natsFor(t, server.url)
  mkdirSync(join(directory, 'media'), { recursive: true })
  const journal = openJournal(join(directory, 'journal.db'), 'main')
  const exchange = new ErasureExchange({
    account: 'main',
    journal,
    nats,
    replicas: 1,
    adopt: (people) => eraser.adopt(people),
    log,
    maxDelayMs: 200
  })
  const forwarder = new Forwarder({
    journal,
    account: 'main',
    nats,
    replicas: 1,
    keepMs: 86_400_000,
    fencingTerm: term,
    log,
    maxDelayMs: 200,
    exchange
  })
  const eraser: Eraser = new Eraser({
    journal,
    directory: join(directory, 'media'),
    purge: (again, waitedMs) => forwarder.purge(again, waitedMs),
    log
  })
  let isStopped = false
  const stop = async (): Promise<void> => {
    if (isStopped) return
    isStopped = true
    await exchange.stop()
    await forwarder.stop()
    journal.close()
  }
  t.teardown(stop)
  return { journal, eraser, forwarder, directory, stop }
}

const until = async (fits: () => boolean): Promise<void> => {
  for (const end = Date.now() + 25_000; !fits(); await delay(10))
    if (Date.now() > end) throw new Error('it does not come')
}
const erasedIn = ({ journal }: Host): number =>
  journal.read(0, 100).filter(({ kind }) => kind === 'erased').length

/** Files of a host with a byte of the person. */
const filesWith = ({ directory }: Host): string[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => {
    if (!/journal|media\/..\/./.test(name)) return false
    const bytes = readFileSync(join(directory, name)).toString('latin1')
    return [word, phone, lid].some((text) => bytes.includes(text))
  })

t.test('a standby host erases what the owner of the account was asked to erase', async (t) => {
  const server = await natsServer(t)
  const [owner, standby] = [
    startHost(t, server, ownDirectory(t), () => 1),
    startHost(t, server, ownDirectory(t), () => undefined)
  ]
  owner.journal.append(words('a'), 'live')
  standby.journal.append(words('b'), 'live')
  const picture = mediaPath(join(standby.directory, 'media'), sum)
  mkdirSync(dirname(picture))
  writeFileSync(picture, `a picture of ${word}`)
  await until(() => owner.forwarder.state().behind === 0)

  await owner.eraser.erase([chat], [], false)

  await until(() => erasedIn(standby) === 4 && standby.journal.latestErasure() !== undefined)
  t.same(filesWith(standby), [], 'no file of it has a byte of the person')
  t.notOk(existsSync(picture))
  t.ok(standby.journal.hasErasedChat(chat), 'a hub that asks this host follows, too')
  standby.journal.append([words('a')[0] as NewRecord, words('c')[1] as NewRecord], 'backfill')
  t.equal(standby.journal.lastSeq(), 5, 'nothing of it is read back')
  standby.journal.append(
    [of('new', { id: `false_${chat}_new`, chat_id: chat, from: chat, timestamp: start + 86_400 })],
    'live'
  )
  t.equal(standby.journal.lastSeq(), 6, 'what the person writes later is captured')
})

t.test(
  'a host that was off erases before it forwards anything, and a standby that is asked is followed by the owner',
  async (t) => {
    const server = await natsServer(t)
    const directory = ownDirectory(t)
    let isOwner = true
    const first = startHost(t, server, directory, () => undefined)
    first.journal.append(words('b'), 'live')
    await first.stop()
    const owner = startHost(t, server, ownDirectory(t), () => (isOwner ? 1 : undefined))
    owner.journal.append(words('a'), 'live')
    await until(() => owner.forwarder.state().behind === 0)
    await owner.eraser.erase([chat], [], false)
    isOwner = false

    const back = startHost(t, server, directory, () => 2)

    await until(() => back.forwarder.state().behind === 0)
    const records = await streamed(await managerOf(t, server))
    t.notMatch(
      JSON.stringify(records),
      new RegExp(`${word}|${phone}|${lid}`),
      'nothing of the person goes to NATS again'
    )
    t.equal(erasedIn(back), 4)

    const other = 'false_5215511111111@c.us_x'
    back.journal.append(
      [
        newRecord('x', {
          id: other,
          chat_id: '5215511111111@c.us',
          from: '5215511111111@c.us',
          phone: '+5215511111111',
          timestamp: start
        })
      ],
      'live'
    )
    await owner.eraser.erase(['5215511111111@c.us'], [], false)
    await until(() => erasedIn(back) === 5)
  }
)
