import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import t from 'tap'
import whatsapp from 'whatsapp-web.js'
import {
  heard,
  takeOverCallbacks,
  unheard
} from '../../../src/session-manager/whatsapp/callbacks.ts'
import { startReadyClient, type Client, type Page } from '../../whatsapp-web/client.ts'
import type { Phone } from '../../whatsapp-web/phone.ts'
import { inPage } from './in-page.ts'

/** The callbacks taken over, in the real Chromium, under the unmodified whatsapp-web.js. */

t.setTimeout(900_000)

const library = readFileSync(
  new URL('../../../node_modules/whatsapp-web.js/src/Client.js', import.meta.url),
  'utf8'
)
const read = (path: string): string =>
  readFileSync(new URL(`../../../src/session-manager/whatsapp/${path}`, import.meta.url), 'utf8')

t.test(
  'every callback by which the installed library tells of messages is taken over, and no other',
  async (t) => {
    const attached = library.slice(library.indexOf('async attachEventListeners()'))
    const exposed = [
      ...attached.matchAll(/exposeFunctionIfAbsent\(\s*this\.pupPage,\s*'(\w+)'/g)
    ].map(([, name]) => name)
    t.same([...heard, ...unheard].sort(), exposed.sort())
    for (const name of exposed)
      t.notMatch(
        library,
        new RegExp(`(await|return|=)\\s+window\\.${name}\\(`),
        `the page makes nothing of what ${name} answers`
      )
  }
)

t.test(
  'a model that cannot cross throws nothing into the page, and is left to our own listeners',
  async (t) => {
    const handed: string[] = []
    const heardByLibrary: string[] = []
    const it = inPage({
      queueMicrotask,
      'leadmaster.handOver': (text: string) => handed.push(text)
    })
    it.world[Symbol.for('leadmaster.ear') as unknown as string] = {
      heardByLibrary: (name: string) => heardByLibrary.push(name)
    }
    const page = {
      createCDPSession: async () => ({ on: () => undefined, send: async () => undefined }),
      evaluateOnNewDocument: async () => undefined,
      evaluate: it.page.evaluate,
      exposeFunction: async () => undefined
    } as unknown as Page
    await takeOverCallbacks(page, (error) => t.error(error))
    await page.exposeFunction('onAddMessageEvent', () => undefined)

    it.script('onAddMessageEvent({ size: 5n }); onAddMessageEvent({ size: 5 })')

    await new Promise((resolve) => setImmediate(resolve))
    t.same(handed, ['[["onAddMessageEvent",{"size":5}]]'])
    t.same(heardByLibrary, ['onAddMessageEvent'])
  }
)

t.test('nothing is listened to of what only an unheard callback would tell', async (t) => {
  const { Events } = whatsapp as unknown as { Events: Record<string, string> }
  const tells = (names: readonly string[]): string[] =>
    library
      .split('exposeFunctionIfAbsent(')
      .filter((part) => names.some((name) => part.includes(`'${name}'`)))
      .flatMap((part) =>
        [...part.matchAll(/Events\.(\w+)/g)].map(([, key]) => Events[key as string] as string)
      )
  const lost = tells(unheard).filter((event) => !tells(heard).includes(event))
  t.ok(lost.includes('message_ack') && lost.includes('call'))
  for (const event of lost) t.notMatch(read('client-events.ts'), `'${event}'`, event)
})

/** What the library says of messages, in order. */
const hear = (client: Client): string[] => {
  // `told` waits for the next event of any kind, again and again
  client.setMaxListeners(0)
  const told: string[] = []
  for (const event of [
    'message_create',
    'message_edit',
    'message_revoke_everyone',
    'message_revoke_me',
    'message_ciphertext'
  ] as const) {
    client.on(
      event as 'message_create',
      (message) => void told.push(`${event} ${message.id.id} ${message.body}`)
    )
  }
  client.on(
    'message_reaction',
    (reaction) => void told.push(`message_reaction ${reaction.msgId.id} ${reaction.reaction}`)
  )
  client.on(
    'vote_update',
    (vote) => void told.push(`vote_update ${vote.selectedOptions.map(({ name }) => name).join()}`)
  )
  return told
}
/** The list, once a line with this is in it, so many times. */
const told = async (client: Client, list: string[], last: string, times = 1): Promise<string[]> => {
  while (list.filter((line) => line.includes(last)).length < times)
    await Promise.race([once(client, 'message_create'), once(client, 'vote_update')])
  return list
}

/** Much in one turn, and each thing of another callback than the one before. */
const muchAtOnce = (phone: Phone): void => {
  const from = '+5215512345678'
  for (const id of ['A', 'B', 'C', 'D']) {
    const { id: message } = phone.text({ from, id, text: `text ${id}` })
    phone.react({ from, message, emoji: '👍' })
    phone.edit({ message, text: `edited ${id}` })
    phone.ciphertext({ from, id: `X${id}`, text: 'hidden' })
    const poll = phone.poll({
      from,
      id: `P${id}`,
      question: 'When?',
      options: ['Monday', 'Friday']
    })
    phone.vote({ from, poll: poll.id, options: ['Friday'] })
    phone.decrypt({ message: `X${id}` })
    if (id === 'B') phone.revoke({ message })
    if (id === 'C') phone.deleteForMe({ message })
  }
}
const ofId = (list: readonly string[], id: string): string[] =>
  list.filter((line) => new RegExp(`\\b[XP]?${id}\\b`).test(line))

t.test('what is told, and in which order, is what the library alone would tell', async (t) => {
  const lists: string[][] = []
  for (const beforePage of [
    undefined,
    (page: Page) => takeOverCallbacks(page, (error) => t.error(error))
  ]) {
    const { client, web } = await startReadyClient(
      t,
      beforePage === undefined ? {} : { beforePage }
    )
    const list = hear(client)
    muchAtOnce(web.phone)
    web.phone.text({ from: '+5215512345678', id: 'Z', text: 'the last' })
    await told(client, list, 'the last')
    lists.push(await told(client, list, 'vote_update', 4))
  }
  const [alone = [], taken = []] = lists
  t.ok(taken.length > 24)
  t.same(taken, alone)
  for (const id of ['A', 'B', 'C', 'D'])
    t.match(ofId(taken, id)[0], `message_create ${id} text ${id}`)
})

t.test('one client, and what may befall it', async (t) => {
  const errors: unknown[] = []
  const { client, page, web } = await startReadyClient(t, {
    beforePage: (page) => takeOverCallbacks(page, (error) => void errors.push(error))
  })
  const list = hear(client)
  const text = (id: string): void =>
    void web.phone.text({ from: '+5215512345678', id, text: `text ${id}` })
  /**
   * Calls made by the page itself, all in one turn. @returns how many pieces they were handed over
   * in
   */
  const callMany = (count: number): Promise<number> =>
    page.evaluate(async (calls) => {
      const scope = globalThis as unknown as Record<string, (value: unknown) => void>
      const original = scope['leadmaster.handOver'] as (value: unknown) => void
      let pieces = 0
      scope['leadmaster.handOver'] = (value) => {
        pieces += 1
        original(value)
      }
      const message = {
        id: { id: '' },
        type: 'chat',
        body: '',
        from: { _serialized: 'a@c.us' },
        to: { _serialized: 'b@c.us' }
      }
      for (let index = 1; index <= calls; index += 1) {
        message.id.id = `N${index}`
        scope['onAddMessageEvent']?.(message)
      }
      message.id.id = 'changed after the call'
      await Promise.resolve()
      scope['leadmaster.handOver'] = original
      return pieces
    }, count)

  await t.test(
    'many calls of one turn come in few pieces, in order, each as it was when it was made',
    async (t) => {
      t.equal(await callMany(1_200), 3)
      await told(client, list, 'N1200')
      t.same(
        list.splice(0),
        Array.from({ length: 1_200 }, (_, index) => `message_create N${index + 1} `)
      )
    }
  )
  await t.test('what throws costs itself alone', async (t) => {
    const fail = (message: { id: { id: string } }): void => {
      if (message.id.id === 'N2') throw new Error('a fault in the handler')
    }
    client.prependListener('message_create', fail)
    await callMany(4)
    await told(client, list, 'N4')
    client.off('message_create', fail)
    t.same(
      list.splice(0).map((line) => line.split(' ')[1]),
      ['N1', 'N3', 'N4']
    )
    t.match(errors.splice(0), [{ message: 'a fault in the handler' }])
  })
  await t.test(
    'what is handed over and is no list of calls is an error, and does no harm',
    async (t) => {
      for (const junk of ['junk', '5', '[5]', '[["nobody"]]'])
        await page.evaluate(
          (text) =>
            (globalThis as unknown as Record<string, (text: string) => void>)[
              'leadmaster.handOver'
            ]?.(text),
          junk
        )
      text('after-junk')
      await told(client, list, 'after-junk')
      t.equal(errors.splice(0).length, 3)
      list.length = 0
    }
  )
  await t.test('a ready that comes twice doubles nothing', async (t) => {
    const again = once(client, 'ready')
    web.syncedAgain()
    await again
    text('E')
    text('F')
    t.same(await told(client, list, 'text F'), [
      'message_create E text E',
      'message_create F text F'
    ])
  })
  await t.test('a page that is loaded anew tells on', async (t) => {
    list.length = 0
    const again = once(client, 'ready')
    await page.reload()
    await again
    text('G')
    web.phone.edit({ message: 'G', text: 'new' })
    text('H')
    t.same(await told(client, list, 'text H'), [
      'message_create G text G',
      'message_edit G new',
      'message_create H text H'
    ])
    t.same(errors, [])
  })
  await t.test('what the page logs is not kept for us', async (t) => {
    const objects = (): Promise<number> =>
      page.evaluate(
        () =>
          (globalThis as unknown as { logged: { deref(): unknown }[] }).logged.filter(
            (one) => one.deref() !== undefined
          ).length
      )
    await page.evaluate(() => {
      const scope = globalThis as unknown as { logged: WeakRef<object>[] }
      scope.logged = Array.from({ length: 100 }, (_, index) => {
        const big = { index }
        console.log('', big)
        return new WeakRef(big)
      })
      console.clear()
    })
    const session = await page.createCDPSession()
    for (let left = await objects(); left > 0; left = await objects())
      await session.send('HeapProfiler.collectGarbage')
    t.pass('all of it is let go')
  })
})
