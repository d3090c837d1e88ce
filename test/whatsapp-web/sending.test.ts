import t, { type Test } from 'tap'
import { installGuards } from '../../src/session-manager/whatsapp/guards.ts'
import { startReadyClient, type Page } from './client.ts'

/**
 * Zero outbound attempts means something only if attempts are recorded: with the library alone,
 * they are.
 */

/** Calls every function of the page by which something leaves. @returns how many threw */
const callAll = (page: Page): Promise<{ called: string[]; refused: string[] }> =>
  page.evaluate(async (chatId) => {
    const { require } = globalThis as unknown as { require: (name: string) => never }
    const called: string[] = []
    const refused: string[] = []
    const chat = await (
      require('WAWebCollections') as { Chat: { find: (id: string) => Promise<object> } }
    ).Chat.find(chatId)
    const message = (
      require('WAWebCollections') as { Msg: { head: () => { serialize: () => object } } }
    ).Msg.head()
    for (const name of require('sending') as string[]) {
      const [module = '', ...members] = name.split('.')
      const verb = members.pop() as string
      const holder = members.reduce<Record<string, unknown>>(
        (object, key) => object[key] as Record<string, unknown>,
        require(module)
      )
      const first =
        name.startsWith('WAWebCmd.Cmd.open') || name.endsWith('sendSeen')
          ? { chat }
          : name.startsWith('WAWebSendMsg')
            ? chat
            : { blob: { size: 1 }, ...message }
      called.push(name)
      try {
        await (holder[verb] as (...args: unknown[]) => unknown)(
          name.endsWith('sendMessageEdit') ? message : first,
          message.serialize(),
          true
        )
      } catch (error) {
        if (String(error) === 'Error: not allowed') refused.push(name)
        else throw new Error(`${name}: ${error}`)
      }
    }
    return { called, refused }
  }, '5215512345678@c.us')

/** Waits until what the page told has arrived: it goes the way of this question, in order. */
const told = (page: Page): Promise<unknown> =>
  page.evaluate(() =>
    (
      globalThis as unknown as {
        require: (name: string) => { query: (what: string, facts: object) => Promise<unknown> }
      }
    )
      .require('side')
      .query('messages', { ids: [] })
  )

const written = async (t: Test, guarded: boolean): ReturnType<typeof startReadyClient> => {
  const started = await startReadyClient(
    t,
    guarded ? { beforePage: (page) => installGuards(page as never) } : {}
  )
  started.web.phone.text({ from: '+5215512345678', text: 'Hola' })
  await started.web.settled()
  return started
}

t.test('what the library sends is recorded', async (t) => {
  const { client, page, web } = await written(t, false)
  const chat = await client.getChatById('5215512345678@c.us')
  const [message] = await chat.fetchMessages({ limit: 1 })
  const attempts: [string, () => Promise<unknown> | undefined][] = [
    [
      'WAWebSendMsgChatAction.addAndSendMsgToChat',
      () => client.sendMessage('5215512345678@c.us', 'out', { sendSeen: false })
    ],
    ['WAWebUpdateUnreadChatAction.sendSeen', () => client.sendSeen('5215512345678@c.us')],
    ['WAWebSendReactionMsgAction.sendReactionToMsg', () => message?.react('👍')],
    ['WAWebChatStateBridge.sendChatStateComposing', () => chat.sendStateTyping()],
    ['WAWebChatStateBridge.sendChatStateRecording', () => chat.sendStateRecording()],
    ['presence available', () => client.sendPresenceAvailable()],
    ['WAWebChatForwardMessage.forwardMessages', () => message?.forward('5215512345678@c.us')],
    ['WAWebContactStatusBridge.setMyStatus', () => client.setStatus('busy')],
    ['WAWebCmd.Cmd.archiveChat', () => client.archiveChat('5215512345678@c.us')],
    ['WAWebCmd.Cmd.sendDeleteMsgs', () => message?.delete(false)],
    ['WAWebBlockContactAction.blockContact', async () => (await chat.getContact()).block()]
  ]
  for (const [name, act] of attempts) {
    const before = web.outbound().length
    await act()
    await told(page)
    t.ok(
      web
        .outbound()
        .slice(before)
        .some((one) => one.name === name),
      name
    )
  }
  t.ok(
    web.outbound().some(({ name }) => name === 'presence available'),
    'a page that is looked at shows its owner as present, by itself'
  )
})

t.test("a reply sent through the library is in the phone's history", async (t) => {
  const { client, web } = await written(t, false)
  await client.sendMessage('5215512345678@c.us', 'out', { waitUntilMsgSent: true })
  t.match(
    (await (await client.getChatById('5215512345678@c.us')).fetchMessages({ limit: 5 })).at(-1),
    { body: 'out', fromMe: true }
  )
  t.ok(web.outbound().length > 0)
})

t.test(
  'every function of the page that sends is recorded; the guard refuses every one of them',
  async (t) => {
    const { page, web } = await written(t, false)
    const free = await callAll(page)
    t.same(free.refused, [])
    await told(page)
    const recorded = new Set(web.outbound().map(({ name }) => name))
    const showsAs: Record<string, string> = {
      'WAWebStreamModel.Stream.markAvailable': 'presence available',
      'WAWebPresenceChatAction.sendPresenceAvailable': 'presence available',
      'WAWebCmd.Cmd.openChatAt': 'WAWebUpdateUnreadChatAction.sendSeen',
      'WAWebCmd.Cmd.openChatBottom': 'WAWebUpdateUnreadChatAction.sendSeen',
      'WAWebCmd.Cmd.openChatFromUnread': 'WAWebUpdateUnreadChatAction.sendSeen'
    }
    for (const name of free.called) t.ok(recorded.has(showsAs[name] ?? name), `${name} is recorded`)

    const guarded = await written(t, true)
    const result = await callAll(guarded.page)
    await told(guarded.page)
    t.same(
      result.called.filter((name) => !result.refused.includes(name)),
      [],
      'nothing got past the guard'
    )
    t.same(guarded.web.outbound(), [])
  }
)
