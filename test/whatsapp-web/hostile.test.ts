import { once } from 'node:events'
import t from 'tap'
import { startReadyClient, type Page } from './client.ts'
import { fixtureNames } from './fixture.ts'

/** What goes wrong in the page, and what its own code does unasked. */

t.setTimeout(900_000)

type Load = 'loaded' | 'threw' | 'late'
const loadEarlier = (page: Page, chat: string, ms = 1_000): Promise<Load> =>
  page.evaluate(
    async (id, limit) => {
      type Required = {
        loadEarlierMsgs: (about: object) => Promise<unknown>
        Chat: { get: (id: string) => object }
      }
      const { require } = globalThis as unknown as { require: (name: string) => Required }
      const loading = require('WAWebChatLoadMessages').loadEarlierMsgs({
        chat: require('WAWebCollections').Chat.get(id)
      })
      const late = new Promise<Load>((resolve) => setTimeout(() => resolve('late'), limit))
      return Promise.race([
        loading.then(
          () => 'loaded' as Load,
          () => 'threw' as Load
        ),
        late
      ])
    },
    chat,
    ms
  )

t.test('a chat whose older messages throw, hang or wait costs no other', async (t) => {
  const { web, page } = await startReadyClient(t)
  const chats = [
    '5215512345671@c.us',
    '5215512345672@c.us',
    '5215512345673@c.us',
    '5215512345674@c.us'
  ] as const
  for (const from of chats) web.phone.text({ from, text: 'Hola' })
  web.phone.chatFault(chats[0], 'throws')
  web.phone.chatFault(chats[1], 'hangs')
  web.phone.chatFault(chats[2], 'busy')
  await web.settled()

  t.same(await Promise.all(chats.map((chat) => loadEarlier(page, chat))), [
    'threw',
    'late',
    'late',
    'loaded'
  ])
  const waiting = loadEarlier(page, chats[2], 10_000)
  web.phone.chatFault(chats[2])
  t.equal(await waiting, 'loaded', 'it was busy, and no longer is')
})

t.test('a message whose model throws is held like any other', async (t) => {
  const { client, web } = await startReadyClient(t)
  const { id, chat } = web.phone.text({ from: '+5215512345678', text: 'one' })
  web.phone.text({ from: '+5215512345678', text: 'two' })
  await web.settled()
  t.equal((await client.getMessageById(id)).body, 'one')
  web.phone.messageFault(id, true)
  await web.settled()
  await t.rejects(client.getMessageById(id), /a simulated fault of this message/)
  web.phone.messageFault(id, false)
  await web.settled()
  t.equal((await (await client.getChatById(chat)).fetchMessages({ limit: 5 })).length, 2)
})

t.test(
  'media: the servers are down, have lost a file, or get it from the phone again',
  async (t) => {
    const { web, page } = await startReadyClient(t)
    const bytes = Buffer.from('bytes of a file')
    const sent = [1, 2, 3, 4].map(
      () => web.phone.media({ from: '+5215512345678', kind: 'document', bytes }).id
    )
    await web.settled()
    const stage = (id: string): Promise<string> =>
      page.evaluate(async (wanted) => {
        type Model = { downloadMedia: () => Promise<void>; mediaData: { mediaStage: string } }
        const { require } = globalThis as unknown as {
          require: (name: string) => { Msg: { get: (id: string) => Model } }
        }
        const model = require('WAWebCollections').Msg.get(wanted)
        await model.downloadMedia()
        return model.mediaData.mediaStage
      }, id)
    const [plain = '', gone = '', retried = '', failing = ''] = sent

    web.mediaServers(false)
    t.equal(await stage(plain), 'ERROR_UNKNOWN')
    web.mediaServers(true)
    t.equal(await stage(plain), 'RESOLVED')
    web.mediaFault(gone, { status: 410 })
    t.equal(await stage(gone), 'ERROR_MISSING')
    web.mediaFault(retried, { status: 404, reuploadMs: 300 })
    t.equal(await stage(retried), 'RESOLVED')
    t.equal(await stage(retried), 'RESOLVED', 'the file is there again')
    web.mediaFault(failing, { status: 500 })
    t.equal(await stage(failing), 'ERROR_UNKNOWN')
    t.equal(web.stanzaCounts()['receipt peer'], 2, 'the phone was asked twice')
  }
)

t.test("the page's own code sends what it should not, and the server sees all of it", async (t) => {
  const { client, web, page } = await startReadyClient(t, { scenario: { busybody: true } })
  await web.until('an attempt in the background', () =>
    web.attempts().some(({ phase }) => phase === 'background')
  )
  const readyAgain = once(client, 'ready')
  web.refresh('HARD_REFRESH')
  await readyAgain
  await page.evaluate(() => undefined)
  await web.settled()

  const phases = new Set(web.attempts().map(({ phase }) => phase))
  t.same([...phases].sort(), ['background', 'connected', 'connecting', 'load', 'ready', 'reload'])
  const kinds = [...new Set(web.attempts().map(({ kind }) => kind))]
  const counts = web.stanzaCounts()
  t.equal(kinds.length, 9)
  for (const kind of kinds)
    t.ok((counts[kind === 'message' ? 'message text' : kind] ?? 0) > 0, `${kind} left`)
  t.ok(web.stanzas().some(({ children }) => children.includes('sync/collection/patch')))
})

t.test(
  'the page reloads by itself when it is told to, and when it is thirty days old',
  async (t) => {
    const { client, web } = await startReadyClient(t)
    for (const how of ['HARD_REFRESH', 'thirty-days'] as const) {
      const readyAgain = once(client, 'ready')
      web.refresh(how)
      await readyAgain
      t.equal(web.linkedDevices(), 1, `${how}: it is linked as before`)
    }
  }
)

t.test('every fixture arrives in the form of the era', async (t) => {
  const { web, page } = await startReadyClient(t, { scenario: { web: '2026-07' } })
  const sent = fixtureNames().map((name) => ({ name, ...web.phone.fixture(name) }))
  await web.settled()
  const held = await page.evaluate(
    (ids) => {
      type Model = { serialize: () => { id: object } }
      const { require } = globalThis as unknown as {
        require: (name: string) => { Msg: { get: (id: string) => Model | undefined } }
      }
      const keys = new Set<string>()
      const missing = ids.filter((id) => {
        const model = require('WAWebCollections').Msg.get(id)
        for (const name of Object.keys(model?.serialize().id ?? {})) keys.add(name)
        return model === undefined
      })
      return { missing, keys: [...keys].sort() }
    },
    sent.map(({ id }) => id)
  )
  const byId = new Map(sent.map(({ id, name }) => [id, name]))
  t.same(
    held.missing.map((id) => byId.get(id)),
    ['poll-vote-legacy', 'reaction-table'],
    'rows of tables are no messages'
  )
  t.same(held.keys, ['$1', 'fromMe', 'id', 'participant', 'remote'])
})

t.test('in the chat with oneself keys say which way', async (t) => {
  const { web, page } = await startReadyClient(t)
  const { me } = web.phone
  const sent = [
    web.phone.text({ to: me.id, text: 'a note' }),
    web.phone.text({ to: me.lid, text: 'another' })
  ]
  await web.settled()
  for (const { id, chat } of sent) {
    t.match(id, new RegExp(`^true_${chat}_[0-9A-F]+_out$`))
    t.equal(
      await page.evaluate((wanted) => {
        const { require } = globalThis as unknown as {
          require: (name: string) => {
            Msg: { get: (id: string) => { id: { self: string; remote: object } } }
          }
        }
        const { id: key } = require('WAWebCollections').Msg.get(wanted)
        return `${key.self} ${JSON.stringify(key.remote)}`
      }, id),
      `out "${chat}"`
    )
  }
})
