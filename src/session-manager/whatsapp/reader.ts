/**
 * What reading back does in the page. Each function is given to the page by its text (see
 * expression.ts), so it uses nothing of this file but its arguments. WhatsApp Web may throw at any
 * chat, message or field: each is tried alone.
 */

import { heldByStanza, otherIdsOf } from './lookup.ts'

/** A message of WhatsApp Web's own collections. */
interface PageMessage {
  id: unknown
  t?: unknown
}

interface PageChat {
  id: unknown
  t?: unknown
  /** WhatsApp Web is loading this chat itself. */
  pendingInitialLoading?: boolean
  waitForChatLoading?: () => Promise<unknown>
  msgs: { getModelsArray: () => PageMessage[]; msgLoadState?: { noEarlierMsgs?: boolean } }
}

interface PageScope {
  require: (name: string) => {
    Chat: { get: (wid: unknown) => PageChat | undefined; getModelsArray: () => PageChat[] }
    Msg: {
      getMessagesById: (ids: readonly string[]) => Promise<{ messages?: unknown[] } | undefined>
    }
    createWid: (id: string) => unknown
    loadEarlierMsgs: (options: { chat: PageChat }) => Promise<unknown[] | undefined>
  }
  WWebJS: { getMessageModel: (message: unknown) => Record<string, unknown> }
  [key: symbol]: unknown
}

/** A load of earlier messages. It goes on when the call that began it returns. */
interface Load {
  promise: Promise<unknown[] | undefined>
  since: number
}

/** Kept in the page between calls, by chat id. */
interface Loads {
  pending: Record<string, Load | undefined>
  /**
   * Chats in which a load failed or took too long: what the page believes of their beginning is not
   * to be trusted.
   */
  troubled: Record<string, boolean>
}

export interface ReadBounds {
  /**
   * No other chat is begun past so many messages, and no chat goes further back past so much time,
   * ms.
   */
  messages: number
  ms: number
  /** Messages of one chat at most. */
  perChat: number
  /** Chats that are loaded at the same time: WhatsApp is not to be hammered. */
  batchSize: number
  /** How long one load may take, ms. */
  loadMs: number
  /** How long a chat that WhatsApp Web is loading itself is waited for, ms. */
  busyMs: number
}

/**
 * Why a chat is not read: `error` WhatsApp Web threw, `timeout` it did not answer, `busy` it is
 * loading the chat itself.
 */
export type UnreadKind = 'error' | 'timeout' | 'busy'

/**
 * A chat to read: its id, since when (UNIX seconds), and whether earlier messages may be loaded.
 */
export type ChatSince = [id: string, since: number, mayLoad: boolean]

export interface ReadResult {
  messages: Record<string, unknown>[]
  /** Chats with more messages than are read back. */
  truncated: number
  /**
   * Of the chats asked for, by their place: those read, each with the time of its newest message
   * (UNIX seconds, 0: none; -1: there is no such chat).
   */
  read: [index: number, newest: number][]
  /**
   * Those of which earlier messages cannot be loaded; what the page holds of them is among the
   * messages.
   */
  unread: [index: number, kind: UnreadKind, error: string][]
  /** Messages of which only the plain fields could be read, and those of which nothing could be. */
  plain: number
  lost: number
}

/** An id of WhatsApp Web as text. */
const textOfId = (id: unknown): string => {
  if (typeof id === 'string') return id
  const text = String(id)
  if (text.includes('@')) return text
  return String((id as { _serialized?: unknown })._serialized)
}

/** UNIX seconds; undefined when it is no time. A time in ms is understood. */
const secondsOf = (value: unknown): number | undefined => {
  const time = Number(value)
  if (!(time > 0)) return undefined
  return time > 100_000_000_000 ? Math.floor(time / 1_000) : time
}

/**
 * Every chat with the time of its newest message, and how many chats have no id that can be read.
 */
export const listChats = (parts: {
  textOfId: typeof textOfId
  secondsOf: typeof secondsOf
}): { chats: [id: string, newest: number][]; nameless: number } => {
  const { require } = globalThis as unknown as PageScope
  const chats: [string, number][] = []
  let nameless = 0
  const newestOf = (chat: PageChat): number => {
    try {
      const held = (): number =>
        Math.max(0, ...chat.msgs.getModelsArray().map(({ t }) => parts.secondsOf(t) ?? 0))
      return parts.secondsOf(chat.t) ?? held()
    } catch {
      // A chat without a time is read as if something came just now.
      return Infinity
    }
  }
  for (const chat of require('WAWebCollections').Chat.getModelsArray()) {
    try {
      const id = parts.textOfId(chat.id)
      if (!id.includes('@')) throw new Error('no id')
      chats.push([id, Math.min(newestOf(chat), Number.MAX_SAFE_INTEGER)])
    } catch {
      nameless += 1
    }
  }
  return { chats, nameless }
}

/** The chat of an id; undefined when the page has none. */
const findChat = (id: string, idOf: typeof textOfId): PageChat | undefined => {
  const { require } = globalThis as unknown as PageScope
  const { Chat } = require('WAWebCollections')
  try {
    return Chat.get(require('WAWebWidFactory').createWid(id))
  } catch {
    return Chat.getModelsArray().find((chat) => {
      try {
        return idOf(chat.id) === id
      } catch {
        return false
      }
    })
  }
}

/** Waits for a promise, for so long at most. @returns its value, or `late` */
export const waitFor = <T>(promise: Promise<T>, ms: number): Promise<{ value: T } | 'late'> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve('late'), ms)
    promise.then(
      (value) => {
        clearTimeout(timer)
        resolve({ value })
      },
      (error: unknown) => {
        clearTimeout(timer)
        reject(error)
      }
    )
  })

/** The loads that earlier calls began in this document. */
const loadsInPage = (): Loads => {
  const scope = globalThis as unknown as PageScope
  const key = Symbol.for('leadmaster.loads')
  const found = (scope[key] ?? {
    pending: Object.create(null),
    troubled: Object.create(null)
  }) as Loads
  scope[key] = found
  return found
}

/**
 * One load of a chat's earlier messages, or the rest of one that is in progress.
 * @returns `more`: some came; `none`: there are no earlier ones; `later`: it goes on while this
 * call ends
 */
const loadOnce = async (
  parts: { waitFor: typeof waitFor; loadsInPage: typeof loadsInPage },
  chat: PageChat,
  id: string,
  end: number,
  bounds: ReadBounds
): Promise<'more' | 'none' | 'later' | 'timeout' | 'busy'> => {
  const { require } = globalThis as unknown as PageScope
  const { pending, troubled } = parts.loadsInPage()
  if (pending[id] === undefined) {
    const isFree = await parts.waitFor(Promise.resolve(chat.waitForChatLoading?.()), bounds.busyMs)
    if (isFree === 'late' || chat.pendingInitialLoading === true) return 'busy'
    // After a failed load WhatsApp Web may believe that there is nothing earlier: it is to look
    // again.
    const state = chat.msgs.msgLoadState
    if (troubled[id] === true && state?.noEarlierMsgs === true) state.noEarlierMsgs = false
    troubled[id] = false
    const promise = Promise.resolve(require('WAWebChatLoadMessages').loadEarlierMsgs({ chat }))
    promise.catch(() => undefined)
    pending[id] = { promise, since: performance.now() }
  }
  const load = pending[id] as Load
  const leftMs = load.since + bounds.loadMs - performance.now()
  // Past its end the call waits no longer than a load takes that is as good as done.
  const budgetMs = Math.max(end - performance.now(), 50)
  try {
    const came = await parts.waitFor(load.promise, Math.max(0, Math.min(leftMs, budgetMs)))
    if (came === 'late' && leftMs > budgetMs) return 'later'
    pending[id] = undefined
    if (came === 'late') {
      troubled[id] = true
      return 'timeout'
    }
    return (came.value?.length ?? 0) > 0 ? 'more' : 'none'
  } catch (error) {
    pending[id] = undefined
    troubled[id] = true
    throw error
  }
}

/**
 * Loads a chat's messages back to a time. @returns `whole` once the page holds all of it, or what
 * keeps it from that
 */
const loadBack = async (
  parts: {
    secondsOf: typeof secondsOf
    loadOnce: (
      chat: PageChat,
      id: string,
      end: number,
      bounds: ReadBounds
    ) => ReturnType<typeof loadOnce>
  },
  chat: PageChat,
  [id, from]: ChatSince,
  end: number,
  bounds: ReadBounds
): Promise<'whole' | 'truncated' | 'later' | 'timeout' | 'busy'> => {
  const reach = (): { count: number; oldest: number } => {
    const held = chat.msgs.getModelsArray()
    let oldest = Infinity
    for (const message of held) {
      try {
        oldest = Math.min(oldest, parts.secondsOf(message.t) ?? Infinity)
      } catch {
        // A message without a time says nothing about how far back the page reaches.
      }
    }
    return { count: held.length, oldest }
  }
  let stuck = 0
  for (let loads = 0; ; loads += 1) {
    const before = reach()
    if (before.oldest < from) return 'whole'
    if (before.count >= bounds.perChat) return 'truncated'
    if (loads > 0 && performance.now() >= end) return 'later'
    const came = await parts.loadOnce(chat, id, end, bounds)
    if (came === 'none') return 'whole'
    if (came !== 'more') return came
    const after = reach()
    stuck = after.count > before.count || after.oldest < before.oldest ? 0 : stuck + 1
    // Once may be the rest of a load whose messages were there already.
    if (stuck > 1) throw new Error('loaded messages do not appear')
  }
}

/**
 * A message as JSON by its plain fields alone, where WhatsApp Web cannot make its model. @throws
 * when it has no id
 */
const plainMessage = (message: PageMessage, idOf: typeof textOfId): string => {
  const fields = [
    't',
    'type',
    'subtype',
    'body',
    'caption',
    'from',
    'to',
    'author',
    'notifyName',
    'isForwarded',
    'directPath',
    'mimetype',
    'size',
    'filehash',
    'filename',
    'duration',
    'lat',
    'lng',
    'loc',
    'comment',
    'quotedStanzaID',
    'quotedParticipant',
    'vcardList',
    'pollName',
    'pollOptions',
    'pollSelectableOptionsCount',
    'eventName',
    'latestEditSenderTimestampMs',
    'protocolMessageKey',
    'mentionedJidList',
    'title',
    'description',
    'orderTitle',
    'message',
    'ctwaContext',
    'isLive',
    'callOutcome',
    'finalCallOutcome',
    'callDuration',
    'isVideoCall',
    'broadcast'
  ]
  const key = message.id as Record<string, unknown>
  const parts = [
    '"isPartialModel":true',
    `"id":${JSON.stringify({ fromMe: key['fromMe'], remote: key['remote'], id: key['id'], participant: key['participant'], _serialized: idOf(key) })}`
  ]
  for (const field of fields) {
    try {
      const text = JSON.stringify((message as unknown as Record<string, unknown>)[field]) as
        | string
        | undefined
      if (text !== undefined) parts.push(`${JSON.stringify(field)}:${text}`)
    } catch {
      // What cannot be read is left out; the other fields are kept.
    }
  }
  return `{${parts.join()}}`
}

/** Messages as JSON, each alone: one that cannot be read costs none of the others. */
const messagesAsText = (
  messages: readonly unknown[],
  plainOf: (message: PageMessage) => string
): { texts: string[]; plain: number; lost: number } => {
  const { WWebJS } = globalThis as unknown as PageScope
  /** What is null, false or empty means as much as what is not there, and is most of a model. */
  const tells = (value: unknown): boolean =>
    value !== null && value !== false && !(Array.isArray(value) && value.length === 0)
  const texts: string[] = []
  let [plain, lost] = [0, 0]
  for (const message of messages) {
    try {
      const model = WWebJS.getMessageModel(message)
      texts.push(
        JSON.stringify(
          Object.fromEntries(Object.entries(model).filter(([, value]) => tells(value)))
        )
      )
    } catch {
      try {
        texts.push(plainOf(message as PageMessage))
        plain += 1
      } catch {
        lost += 1
      }
    }
  }
  return { texts, plain, lost }
}

/** The messages of a chat since a time, oldest first; one without a time is among them. */
const messagesSince = (
  chat: PageChat,
  from: number,
  toSeconds: typeof secondsOf
): { messages: PageMessage[]; newest: number } => {
  const wanted: { message: PageMessage; t: number }[] = []
  let newest = 0
  for (const message of chat.msgs.getModelsArray()) {
    let t: number | undefined
    try {
      t = toSeconds(message.t)
    } catch {
      t = undefined
    }
    if (t !== undefined && t < from) continue
    wanted.push({ message, t: t ?? from })
    newest = Math.max(newest, t ?? 0)
  }
  wanted.sort((a, b) => a.t - b.t)
  return { messages: wanted.map(({ message }) => message), newest }
}

interface ReadParts {
  otherIdsOf: typeof otherIdsOf
  heldByStanza: typeof heldByStanza
  textOfId: typeof textOfId
  secondsOf: typeof secondsOf
  waitFor: typeof waitFor
  loadsInPage: typeof loadsInPage
  findChat: typeof findChat
  loadOnce: typeof loadOnce
  loadBack: typeof loadBack
  plainMessage: typeof plainMessage
  messagesAsText: typeof messagesAsText
  messagesSince: typeof messagesSince
}

/**
 * Reads chats until the bounds are reached. @returns a `ReadResult` as JSON, which crosses fastest
 * as text
 */
export const readChats = async (
  parts: ReadParts,
  wanted: readonly ChatSince[],
  bounds: ReadBounds
): Promise<string> => {
  const { WWebJS } = globalThis as unknown as PageScope
  if (typeof WWebJS?.getMessageModel !== 'function')
    throw new Error('whatsapp-web.js is not in the page')
  const end = performance.now() + bounds.ms
  const texts: string[][] = []
  const read: ReadResult['read'] = []
  const unread: ReadResult['unread'] = []
  let [next, count, truncated, plain, lost] = [0, 0, 0, 0, 0]
  const loadOnce: Parameters<typeof loadBack>[0]['loadOnce'] = (chat, id, until, most) =>
    parts.loadOnce(parts, chat, id, until, most)
  const fail = (index: number, kind: UnreadKind, error: unknown = ''): void => {
    const { name = '', message = '' } = (error ?? {}) as { name?: string; message?: string }
    unread.push([index, kind, error === '' ? '' : `${name}: ${message || String(error)}`])
  }
  const take = (index: number, chat: PageChat, from: number): number => {
    const { messages, newest } = parts.messagesSince(chat, from, parts.secondsOf)
    const made = parts.messagesAsText(messages, (message) =>
      parts.plainMessage(message, parts.textOfId)
    )
    texts[index] = made.texts
    count += messages.length
    plain += made.plain
    lost += made.lost
    return newest
  }
  const readOne = async (index: number): Promise<void> => {
    const one = wanted[index] as ChatSince
    const chat = parts.findChat(one[0], parts.textOfId)
    if (chat === undefined) return void read.push([index, -1])
    let outcome: Awaited<ReturnType<typeof loadBack>> | 'error' = 'whole'
    let why: unknown
    try {
      if (one[2])
        outcome = await parts.loadBack(
          { secondsOf: parts.secondsOf, loadOnce },
          chat,
          one,
          end,
          bounds
        )
    } catch (error) {
      outcome = 'error'
      why = error
    }
    if (outcome === 'later') return
    if (outcome === 'truncated') truncated += 1
    const newest = take(index, chat, one[1])
    if (outcome === 'whole' || outcome === 'truncated') read.push([index, newest])
    else fail(index, outcome, why)
  }
  const readOn = async (): Promise<void> => {
    while (
      next < wanted.length &&
      (next === 0 || (count < bounds.messages && performance.now() < end))
    ) {
      const index = next++
      await readOne(index).catch((error: unknown) => fail(index, 'error', error))
    }
  }
  await Promise.all(Array.from({ length: bounds.batchSize }, readOn))
  const facts = JSON.stringify({ truncated, read, unread, plain, lost })
  return `{"messages":[${texts.flat().join()}],${facts.slice(1)}`
}

/**
 * Messages by their ids, as `Client.getMessageById` finds them: what the page holds, else what it
 * has in its database. Those that it has not are looked for under their other ids.
 */
export const readByIds = async (
  parts: Pick<
    ReadParts,
    'waitFor' | 'textOfId' | 'plainMessage' | 'messagesAsText' | 'otherIdsOf' | 'heldByStanza'
  >,
  ids: readonly string[],
  ms: number
): Promise<string> => {
  const { require } = globalThis as unknown as PageScope
  const { Msg } = require('WAWebCollections')
  const find = async (some: readonly string[]): Promise<unknown[]> => {
    const found = await parts.waitFor(Promise.resolve(Msg.getMessagesById(some)), ms)
    if (found === 'late') throw new Error('no answer')
    return (found.value?.messages ?? []).filter(Boolean)
  }
  let failed = 0
  /** One id that the page cannot look up must not cost the others: each half is tried alone. */
  const findSome = async (some: readonly string[], end: number): Promise<unknown[]> => {
    if (some.length === 0) return []
    try {
      return await find(some)
    } catch {
      if (some.length <= 1 || performance.now() >= end) {
        failed += some.length
        return []
      }
      const middle = some.length >> 1
      return [
        ...(await findSome(some.slice(0, middle), end)),
        ...(await findSome(some.slice(middle), end))
      ]
    }
  }
  const idOf = (message: unknown): string => {
    try {
      return parts.textOfId((message as PageMessage).id)
    } catch {
      return ''
    }
  }
  const end = performance.now() + 2 * ms
  const messages = await findSome(ids, end)
  const unread = failed
  const found = new Set(messages.map(idOf))
  // A page that can look up nothing is not asked again.
  const missing = unread === ids.length ? [] : ids.filter((id) => !found.has(id))
  const unfound = missing.map((id) => ({ id, others: parts.otherIdsOf(id) }))
  const renamed = await findSome(
    unfound.flatMap(({ others }) => others),
    end
  )
  for (const message of renamed) found.add(idOf(message))
  const isFound = ({ others }: { others: string[] }): boolean =>
    others.some((other) => found.has(other))
  const held = unfound
    .filter((one) => !isFound(one))
    .flatMap(({ id }) => parts.heldByStanza(id) ?? [])
  messages.push(...renamed, ...held)
  const { texts, plain, lost } = parts.messagesAsText(messages, (message) =>
    parts.plainMessage(message, parts.textOfId)
  )
  return `{"messages":[${texts.join()}],"failed":${unread},"plain":${plain},"lost":${lost}}`
}

/** What the functions above are given in the page. */
export const readParts = {
  textOfId,
  secondsOf,
  waitFor,
  loadsInPage,
  findChat,
  loadOnce,
  loadBack,
  plainMessage,
  messagesAsText,
  messagesSince,
  otherIdsOf,
  heldByStanza
}
