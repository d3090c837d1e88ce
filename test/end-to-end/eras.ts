import type { Lead, Message } from '../../src/contract/lead.ts'
import type { Qr, Status } from '../../src/contract/session.ts'
import { apiToken, ask } from './daemon.ts'
import type { Stack } from './stack.ts'

/**
 * What has to work on every WhatsApp Web that there is: each thing is done by the simulated phone,
 * and seen by REST of the hub. Nothing in between is looked at.
 */

export interface Thing {
  name: string
  /** @returns a figure for the table, if it has one. @throws what was not as it should be */
  run: (world: World) => Promise<string | undefined>
}

export interface World extends Stack {
  status: () => Promise<Status>
  qr: () => Promise<Qr>
  /** The first answer of `read`, asked again and again. @throws when none comes in time */
  until: <T>(what: string, read: () => Promise<T | undefined | false>, ms?: number) => Promise<T>
  /** The message in REST, once it is there and fits. */
  message: (id: string, fits?: (message: Message) => boolean) => Promise<Message>
  /** How long codes are to be renewed before one is scanned, ms, and how many there have to be. */
  renewal: { ms: number; codes: number }
}

const ana = '+5215512345678'
const luz = '+5215500000001'
const pollMs = 150
const secondsSince = (start: number): string => `${((Date.now() - start) / 1_000).toFixed(1)} s`

export const worldOf = (stack: Stack, renewal: World['renewal']): World => {
  const until: World['until'] = async (what, read, ms = 45_000) => {
    for (const end = Date.now() + ms; Date.now() < end; ) {
      const found = await read().catch(() => undefined)
      if (found !== undefined && found !== false) return found
      await new Promise((resolve) => setTimeout(resolve, pollMs))
    }
    throw new Error(`no ${what} within ${ms / 1_000} s`)
  }
  const get = async <T>(path: string): Promise<T> =>
    (await ask<T>(`${stack.hub.url}${path}`, apiToken)).body
  return {
    ...stack,
    renewal,
    until,
    status: () => get<Status>('/api/whatsapp/status'),
    qr: () => get<Qr>('/api/whatsapp/qr'),
    message: async (id, fits = () => true) => {
      let last: Message | undefined
      try {
        return await until('such message', async () => {
          last = (await stack.messages()).find((message) => message.id === id)
          return last !== undefined && fits(last) ? last : undefined
        })
      } catch (error) {
        const seen = last === undefined ? `not there: ${id}` : JSON.stringify(last)
        throw new Error(`the message in REST is ${seen}`, { cause: error })
      }
    }
  }
}

const expectThat = (isTrue: boolean, otherwise: string): void => {
  if (!isTrue) throw new Error(otherwise)
}

const ready = ({ until, status }: World): Promise<Status> =>
  until(
    'READY',
    async () => {
      const now = await status()
      return now.status === 'READY' && now
    },
    60_000
  )

/** WhatsApp shows six codes and then none; LeadMaster has to ask for more, each time. */
const renewal = async ({ qr, until, renewal: { ms, codes } }: World): Promise<string> => {
  const seen = new Set<string>()
  const start = Date.now()
  let validAt: number | undefined
  let longest = 0
  const look = async (): Promise<boolean> => {
    const now = await qr()
    if (now.status === 'QR_AVAILABLE') seen.add(now.generated_at)
    const isValid = now.status === 'QR_AVAILABLE' && Date.parse(now.expires_at) > Date.now()
    if (validAt !== undefined) longest = Math.max(longest, Date.now() - validAt)
    if (isValid) validAt = Date.now()
    return Date.now() - start >= ms && seen.size >= codes
  }
  await until(`${codes} codes`, look, ms + 45_000)
  expectThat(longest < 15_000, `there was no valid code for ${longest} ms`)
  return `${seen.size} codes in ${secondsSince(start)}`
}

const link = async (world: World): Promise<string> => {
  const start = Date.now()
  await world.web.scan()
  const { me } = await ready(world)
  expectThat(me?.phone !== undefined, 'the account has no phone number')
  return secondsSince(start)
}

const text = async ({ web, message, leads, until }: World): Promise<string> => {
  const start = Date.now()
  const question = web.phone.text({ from: ana, name: 'Ana', text: 'Is it still for sale?' })
  const { body, phone, from_me, source } = await message(question.id)
  const took = secondsSince(start)
  expectThat(body === 'Is it still for sale?' && phone === ana && !from_me, 'the text is another')
  expectThat(source === 'live', `it was captured by ${source}`)
  const isOfAna = (lead: Lead): boolean => lead.phone === ana
  const isWaiting = async (): Promise<boolean> => (await leads('?waiting=true')).some(isOfAna)
  await until('lead that waits', isWaiting)
  const answer = web.phone.text({ to: ana, text: 'It is', t: question.t + 1 })
  await message(answer.id, ({ from_me: isOurs }) => isOurs)
  await until('end of the wait', async () => !(await isWaiting()))
  return took
}

const group = async ({ web, message }: World): Promise<undefined> => {
  const id = web.phone.group({ subject: 'Houses', participants: [ana, luz] })
  const sent = web.phone.text({ from: luz, group: id, name: 'Luz', text: 'hello all' })
  const { chat_id, author, body, lead_id } = await message(sent.id)
  expectThat(
    chat_id === id && author === '5215500000001@c.us' && body === 'hello all',
    `author ${author} in ${chat_id}`
  )
  expectThat(lead_id === null, 'a group became a lead')
}

const media = async ({ web, hub, message }: World): Promise<string> => {
  const start = Date.now()
  const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, index) => (index * 7) % 256))
  const facts = { mimetype: 'image/jpeg', caption: 'this one' }
  const sent = web.phone.media({ from: ana, kind: 'image', bytes, ...facts })
  const found = await message(sent.id, ({ media: its }) => its !== null && its.state !== 'pending')
  expectThat(found.media?.state === 'stored', `media: ${JSON.stringify(found.media)}`)
  expectThat(found.body === 'this one', `the caption is ${found.body}`)
  const url = `${hub.url}/api/messages/${encodeURIComponent(sent.id)}/media`
  const answer = await fetch(url, { headers: { authorization: `Bearer ${apiToken}` } })
  expectThat(Buffer.from(await answer.arrayBuffer()).equals(bytes), 'the bytes differ')
  return secondsSince(start)
}

const reaction = async ({ web, message }: World): Promise<undefined> => {
  const sent = web.phone.text({ to: ana, text: 'how about Monday?' })
  await message(sent.id)
  web.phone.react({ from: ana, message: sent.id, emoji: '👍' })
  const { reactions } = await message(sent.id, ({ reactions: all }) => all.length > 0)
  expectThat(reactions.length === 1 && reactions[0]?.emoji === '👍', JSON.stringify(reactions))
}

const vote = async ({ web, message }: World): Promise<undefined> => {
  const poll = web.phone.poll({ to: ana, question: 'When?', options: ['Monday', 'Tuesday'] })
  await message(poll.id)
  web.phone.vote({ from: ana, poll: poll.id, options: ['Tuesday'] })
  const { votes } = await message(poll.id, ({ votes: all }) => all.length > 0)
  expectThat(votes.length === 1 && votes[0]?.options.join() === 'Tuesday', JSON.stringify(votes))
}

const edit = async ({ web, message }: World): Promise<undefined> => {
  const sent = web.phone.text({ from: ana, text: 'Is the red one for sal?' })
  await message(sent.id)
  web.phone.edit({ message: sent.id, text: 'Is the red one for sale?' })
  await message(
    sent.id,
    ({ body, edited_at }) => body === 'Is the red one for sale?' && edited_at !== null
  )
}

const deletion = async ({ web, message }: World): Promise<undefined> => {
  const sent = web.phone.text({ from: ana, text: 'a mistake' })
  await message(sent.id)
  web.phone.revoke({ message: sent.id })
  const { body } = await message(sent.id, ({ revoked_by: by }) => by === 'sender')
  expectThat(body === 'a mistake', `what was captured is ${body}`)
}

const quote = async ({ web, message, messages }: World): Promise<undefined> => {
  const question = web.phone.text({ to: ana, text: 'which one?' })
  await message(question.id)
  const answer = web.phone.text({ from: ana, text: 'the red one', quotes: question.id })
  const { quoted_id } = await message(answer.id)
  expectThat(quoted_id === question.id, `quoted_id is ${quoted_id}`)
  expectThat(
    (await messages()).some(({ id }) => id === quoted_id),
    'there is no message of that id'
  )
}

const stall = async ({ web, message }: World): Promise<string> => {
  web.stall(true, 'reinject')
  const start = Date.now()
  const sent = web.phone.text({ from: ana, text: 'while nobody is told' })
  await message(sent.id)
  const took = secondsSince(start)
  web.stall(false)
  const after = web.phone.text({ from: ana, text: 'after the silence' })
  await message(after.id)
  return took
}

const readBack = async (world: World): Promise<string> => {
  const { web, sessionManager, message } = world
  await sessionManager.kill('SIGTERM')
  const start = Date.now()
  const texts = ['one', 'two', 'three']
  const sent = texts.map((word) => web.phone.text({ from: ana, text: `while it was away ${word}` }))
  const bytes = Buffer.alloc(5_000, 1)
  const image = web.phone.media({ from: ana, kind: 'image', bytes, mimetype: 'image/jpeg' })
  for (const { id } of sent) {
    expectThat((await message(id)).source === 'backfill', 'it is not marked as read back')
  }
  await message(image.id, ({ media: its }) => its?.state === 'stored')
  await ready(world)
  return secondsSince(start)
}

const logout = async (world: World): Promise<string> => {
  const { web, status, until, message } = world
  const start = Date.now()
  web.logout()
  await until(
    'QR_REQUIRED',
    async () => {
      const now = await status()
      return now.status === 'QR_REQUIRED' && !now.linked
    },
    60_000
  )
  const took = secondsSince(start)
  await web.scan()
  await ready(world)
  const sent = web.phone.text({ from: ana, text: 'after it was linked again' })
  await message(sent.id)
  return took
}

/** In this order: the first links the phone, the last unlinks it. */
export const things: readonly Thing[] = [
  { name: 'QR renewal', run: renewal },
  { name: 'link', run: link },
  { name: 'text', run: text },
  { name: 'group', run: group },
  { name: 'media', run: media },
  { name: 'reaction', run: reaction },
  { name: 'vote', run: vote },
  { name: 'edit', run: edit },
  { name: 'deletion', run: deletion },
  { name: 'quote', run: quote },
  { name: 'stall', run: stall },
  { name: 'read-back', run: readBack },
  { name: 'logout', run: logout }
]

/** A Markdown table: a row for each thing, a column for each era. */
export const tableOf = (results: ReadonlyMap<string, ReadonlyMap<string, string>>): string => {
  const eras = [...results.keys()]
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const cell = (era: string, name: string): string => results.get(era)?.get(name) ?? 'not run'
  const rows = things.map(({ name }) => row([name, ...eras.map((era) => cell(era, name))]))
  return [row(['', ...eras]), row(['---', ...eras.map(() => '---')]), ...rows].join('\n')
}
