import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { startReadyClient } from './client.ts'

/**
 * The page is shaped on what whatsapp-web.js asks of WhatsApp Web, all of it, and not on what
 * LeadMaster uses.
 */

const library = fileURLToPath(new URL('../../node_modules/whatsapp-web.js/src/', import.meta.url))
const source = readdirSync(library, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.js'))
  .map((file) => readFileSync(`${library}/${file}`, 'utf8'))
  .join('\n')

/**
 * What the library's source asks for: `Module`, and `Module.member.member` with `()` where it calls
 * it.
 */
const asked = [
  ...source.matchAll(/\.require\(\s*'(\w+)',?\s*\)((?:\s*\??\.\s*\w+)*)\s*(\()?/g)
].map(([, module = '', members = '', call]) => ({
  module,
  members: members
    .split(/\s*\??\.\s*/)
    .map((member) => member.trim())
    .filter(Boolean),
  called: call !== undefined
}))
const injected = [...source.matchAll(/module: '(\w+)',\s*function: '([\w.]+)'/g)].map(
  ([, module = '', members = '']) => ({ module, members: members.split('.'), called: true })
)

t.test(
  'every module, member and function of WhatsApp Web that the library names is there',
  async (t) => {
    const { page } = await startReadyClient(t)
    const all = [...asked, ...injected]
    t.ok(
      new Set(all.map(({ module }) => module)).size >= 140,
      `${new Set(all.map(({ module }) => module)).size} modules`
    )
    const missing = await page.evaluate((wanted) => {
      const { require } = globalThis as unknown as { require: (name: string) => unknown }
      return wanted.flatMap(({ module, members, called }) => {
        try {
          let holder: unknown = require(module)
          for (const member of members)
            holder = (holder as Record<string, unknown> | undefined)?.[member]
          const isThere =
            called && members.length > 0
              ? typeof holder === 'function'
              : holder !== undefined || members.length > 0
          return isThere ? [] : [[module, ...members].join('.')]
        } catch {
          return [module]
        }
      })
    }, all)
    t.same([...new Set(missing)], [])
  }
)

t.test(
  'it holds what it is told, as WhatsApp Web does: chats, contacts, groups, messages, older ones',
  async (t) => {
    const { client, web } = await startReadyClient(t)
    const start = Math.floor(Date.now() / 1_000) - 86_400
    const old = web.phone.history({ chats: 1, perChat: 120, from: start, prefix: '5215511' })
    const group = web.phone.group({ subject: 'Casas', participants: ['+5215512345678'] })
    web.phone.contact({ id: '+5215512345678', name: 'Ana', pushname: 'anita' })
    const quoted = web.phone.text({ from: '+5215512345678', text: 'see https://example.org/house' })
    web.phone.text({ from: '+5215512345678', group, text: 'hello all', quotes: quoted.id })
    await web.settled()

    const chats = await client.getChats()
    t.same(
      chats.map(({ id }) => id._serialized).sort(),
      [group, '5215511000000@c.us', '5215512345678@c.us'].sort()
    )
    t.match(
      chats.find(({ isGroup }) => isGroup),
      { name: 'Casas', unreadCount: 1, lastMessage: { body: 'hello all' } }
    )
    t.match(await client.getContactById('5215512345678@c.us'), {
      name: 'Ana',
      pushname: 'anita',
      isMyContact: true,
      isMe: false
    })
    const message = await client.getMessageById(quoted.id)
    t.match(message, {
      body: 'see https://example.org/house',
      links: [{ link: 'https://example.org/house' }],
      fromMe: false
    })
    const [answer] = (await chats.find(({ isGroup }) => isGroup)?.fetchMessages({ limit: 5 })) ?? []
    t.match(await answer?.getQuotedMessage(), { body: 'see https://example.org/house' })
    const history = await (await client.getChatById('5215511000000@c.us')).fetchMessages({
      limit: 1_000
    })
    t.same(
      history.map(({ id }) => id._serialized),
      old,
      'older messages come in order, 50 at a time, and end'
    )
    t.same(await client.getContactLidAndPhone(['5215512345678@c.us']), [
      { pn: '5215512345678@c.us' }
    ])
  }
)

t.test(
  'it lets go of older messages, and yet what it holds of a chat has no gap, though more of it are just being loaded',
  async (t) => {
    const { web, page } = await startReadyClient(t, { scenario: { mostHeld: 200, loadMs: 1_000 } })
    const [chat = '', quiet = ''] = ['5215511000000@c.us', '5215512345678@c.us']
    const all = web.phone.history({
      chats: 1,
      perChat: 120,
      from: Math.floor(Date.now() / 1_000) - 86_400,
      prefix: '5215511'
    })
    all.push(web.phone.text({ from: chat, text: 'now' }).id)
    await web.settled()
    const held = (id: string): Promise<string[]> =>
      page.evaluate((wanted) => {
        const { require } = globalThis as unknown as {
          require: (name: string) => {
            Chat: {
              get: (id: string) => {
                msgs: { getModelsArray: () => { id: { _serialized: string } }[] }
              }
            }
          }
        }
        return require('WAWebCollections')
          .Chat.get(wanted)
          .msgs.getModelsArray()
          .map((model) => model.id._serialized)
      }, id)
    const loading = page.evaluate((wanted) => {
      const { require } = globalThis as unknown as {
        require: (name: string) => {
          Chat: { get: (id: string) => unknown }
          loadEarlierMsgs: (options: { chat: unknown }) => Promise<unknown[]>
        }
      }
      return require('WAWebChatLoadMessages')
        .loadEarlierMsgs({ chat: require('WAWebCollections').Chat.get(wanted) })
        .then((found) => found.length)
    }, chat)
    const others = Array.from({ length: 300 }, (_, index) => {
      all.push(web.phone.text({ from: chat, text: `meanwhile ${index}` }).id)
      return web.phone.text({ from: quiet, text: `elsewhere ${index}` }).id
    })
    await web.settled()
    t.equal(await loading, 50)
    const found = await held(chat)
    t.ok(found.length >= 351, `${found.length} held`)
    t.same(found, all.slice(-found.length))
    const kept = await held(quiet)
    t.ok(kept.length < 120, `${kept.length} of the other are held`)
    t.same(kept, others.slice(-kept.length))
  }
)

t.test('media crosses encrypted and comes out as it was', async (t) => {
  const { client, web } = await startReadyClient(t)
  const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 251))
  for (const kind of ['image', 'video', 'audio', 'ptt', 'document', 'sticker'] as const) {
    const { id } = web.phone.media({ from: '+5215512345678', kind, bytes, filename: 'f' })
    await web.settled()
    const media = await (await client.getMessageById(id)).downloadMedia()
    t.ok(Buffer.from(media.data, 'base64').equals(bytes), kind)
  }
  const { id } = web.phone.media({ from: '+5215512345678', kind: 'image', bytes, lost: true })
  await web.settled()
  t.equal(
    await (await client.getMessageById(id)).downloadMedia(),
    undefined,
    'lost media is undefined to the library'
  )
})
