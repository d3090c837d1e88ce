import { EventEmitter } from 'node:events'
import { serialized, type MessageModel } from './models.ts'

/**
 * What WhatsApp's servers and the phone hold: the account, its linked devices, chats, and every
 * message; and what has happened since each device was last connected, which waits for it.
 */

export interface Chat {
  id: string
  name?: string
  group?: { participants: { id: string; isAdmin?: boolean }[]; isLidAddressingMode?: boolean }
}

export interface Contact {
  id: string
  name?: string
  pushname?: string
}

/** What a linked device is told of. `silent`: the page takes it in and tells nobody. */
export type Happening = { silent?: boolean } & (
  | { kind: 'message'; message: MessageModel }
  | { kind: 'update'; id: string; set: Record<string, unknown>; before?: Record<string, unknown> }
  | { kind: 'remove'; id: string; chat: string }
  | { kind: 'reaction' | 'vote'; row: Record<string, unknown> }
  | { kind: 'call'; call: Record<string, unknown> }
  | { kind: 'lid'; pair: [string, string] }
  | { kind: 'chat'; chat: Chat }
  | { kind: 'fault'; faults: Faults }
  | { kind: 'contact'; contact: Contact }
)

/** What in the page does not work, by chat and message. */
export interface Faults {
  /**
   * How loading a chat's older messages goes wrong; `busy`: it waits until the chat is no longer.
   */
  chats: Record<string, ChatFault>
  /** Messages whose model throws when it is serialised. */
  messages: string[]
}
export type ChatFault = 'throws' | 'hangs' | 'busy'

export interface State {
  me: { id: string; lid: string; pushname: string }
  /** `acked`: up to which event the device has everything. */
  devices: { id: string; acked: number }[]
  chats: Chat[]
  contacts: Contact[]
  lids: [lid: string, phone: string][]
  /** `n`: the event by which it came; 0 for what was there before. */
  messages: { n: number; model: MessageModel }[]
  events: ({ n: number } & Happening)[]
  lastN: number
  faults: Faults
}

export const newState = (): State => ({
  me: { id: '5215587654321@c.us', lid: '100000000000001@lid', pushname: 'LeadMaster' },
  devices: [],
  chats: [],
  contacts: [],
  lids: [],
  messages: [],
  events: [],
  lastN: 0,
  faults: { chats: {}, messages: [] }
})

export interface History {
  state: State
  /** `happened` after every event, `changed` after every change. */
  news: EventEmitter
  find(id: string): MessageModel | undefined
  /** A message by its short or its serialized id. @throws when there is none */
  need(id: string): MessageModel
  has(id: string): boolean
  happen(happening: Happening): void
  /** A message that just came, or one of long ago that no device is told of. */
  add(model: MessageModel, options?: { silent?: boolean; old?: boolean }): void
  update(id: string, set: Record<string, unknown>, silent?: boolean): void
  remove(id: string): void
  chat(chat: Chat): void
  /**
   * Drops messages written before a time (UNIX seconds) that no device waits for, as a phone does
   * whose owner tidies up.
   */
  forget(before: number): void
  /** What a device holds: its chats, each with its last messages, one at least. */
  held(device: string, perChat: number): (Chat & { t: number; last: MessageModel[] })[]
  /**
   * Messages of a chat before one, oldest first, as a page has them that was told of all up to an
   * event.
   */
  earlier(told: number, chat: string, before: string | undefined, count: number): MessageModel[]
  waiting(device: string): ({ n: number } & Happening)[]
  acked(device: string, n: number): void
  link(): string
  unlink(device?: string): void
}

export const createHistory = (state: State): History => {
  const news = new EventEmitter().setMaxListeners(0)
  const byId = new Map<string, { n: number; model: MessageModel }>()
  const byChat = new Map<string, { n: number; model: MessageModel }[]>()

  const index = (entry: { n: number; model: MessageModel }): void => {
    byId.set(serialized(entry.model.id), entry)
    const list = byChat.get(entry.model.id.remote) ?? []
    let at = list.length
    while (at > 0 && (list[at - 1] as typeof entry).model.t > entry.model.t) at -= 1
    list.splice(at, 0, entry)
    byChat.set(entry.model.id.remote, list)
  }
  for (const entry of state.messages) index(entry)

  const happen = (happening: Happening): void => {
    state.lastN += 1
    const event = { ...happening, n: state.lastN }
    if (state.devices.length > 0) state.events.push(event)
    news.emit('happened', event)
    news.emit('changed')
  }
  const find = (id: string): MessageModel | undefined => byId.get(id)?.model
  const need = (id: string): MessageModel => {
    const found = find(id) ?? state.messages.find(({ model }) => model.id.id === id)?.model
    if (found === undefined) throw new Error(`there is no message ${id}`)
    return found
  }
  const ackedBy = (device: string): number =>
    state.devices.find(({ id }) => id === device)?.acked ?? 0
  type Updates = ReadonlyMap<string, readonly (Happening & { kind: 'update' })[]>
  /** The changes since an event, by message. */
  const updatesSince = (told: number): Updates => {
    const waiting = state.events.flatMap((event) =>
      event.n > told && event.kind === 'update' ? [event] : []
    )
    return Map.groupBy(waiting, ({ id }) => id)
  }
  /** As the device knows it: without those changes. */
  const asKnown = (model: MessageModel, waiting: Updates): MessageModel =>
    waiting.size === 0
      ? model
      : (waiting.get(serialized(model.id)) ?? []).reduceRight<MessageModel>(
          (facts, { before }) => ({ ...facts, ...before }),
          model
        )
  /**
   * The last of a chat's messages before a place, up to an event, oldest first: chats become long.
   */
  const lastKnown = (
    list: readonly { n: number; model: MessageModel }[],
    before: number,
    count: number,
    told: number,
    waiting: Updates
  ): MessageModel[] => {
    const found: MessageModel[] = []
    for (let at = before - 1; at >= 0 && found.length < count; at -= 1) {
      const { n, model } = list[at] as { n: number; model: MessageModel }
      if (n <= told) found.push(asKnown(model, waiting))
    }
    return found.reverse()
  }
  /** Where a message is in its chat, which is in the order of time. */
  const placeOf = (list: readonly { model: MessageModel }[], id: string): number => {
    const t = find(id)?.t
    if (t === undefined) return -1
    let [low, high] = [0, list.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((list[middle] as { model: MessageModel }).model.t < t) low = middle + 1
      else high = middle
    }
    while (low < list.length && serialized((list[low] as { model: MessageModel }).model.id) !== id)
      low += 1
    return low < list.length ? low : -1
  }
  const chat = (facts: Chat): void => {
    const there = state.chats.find(({ id }) => id === facts.id)
    if (there) Object.assign(there, facts)
    else {
      state.chats.push(facts)
      happen({ kind: 'chat', chat: facts })
    }
  }

  return {
    state,
    news,
    find,
    need,
    happen,
    chat,
    has: (id) => byId.has(id),
    add: (model, { silent, old = false } = {}) => {
      chat(state.chats.find(({ id }) => id === model.id.remote) ?? { id: model.id.remote })
      const entry = { n: old ? 0 : state.lastN + 1, model }
      state.messages.push(entry)
      index(entry)
      if (old) news.emit('changed')
      else happen({ kind: 'message', message: { ...model }, ...(silent ? { silent } : {}) })
    },
    update: (id, set, silent) => {
      const model = need(id)
      const before = Object.fromEntries(Object.keys(set).map((name) => [name, model[name] ?? null]))
      const known = serialized(model.id)
      Object.assign(model, set)
      if (serialized(model.id) !== known) {
        byId.set(serialized(model.id), byId.get(known) as { n: number; model: MessageModel })
        byId.delete(known)
      }
      happen({ kind: 'update', id: known, set, before, ...(silent ? { silent } : {}) })
    },
    remove: (id) => {
      const model = need(id)
      const entry = byId.get(serialized(model.id)) as { n: number; model: MessageModel }
      byId.delete(serialized(model.id))
      state.messages.splice(state.messages.indexOf(entry), 1)
      const list = byChat.get(model.id.remote) ?? []
      list.splice(list.indexOf(entry), 1)
      happen({ kind: 'remove', id: serialized(model.id), chat: model.id.remote })
    },
    forget: (before) => {
      const waiting = new Set(
        state.events.flatMap((event) =>
          event.kind === 'message'
            ? [serialized(event.message.id)]
            : event.kind === 'update'
              ? [event.id]
              : []
        )
      )
      const gone = (entry: { model: MessageModel }): boolean =>
        entry.model.t < before && !waiting.has(serialized(entry.model.id))
      for (const entry of state.messages) if (gone(entry)) byId.delete(serialized(entry.model.id))
      for (const [id, list] of byChat)
        byChat.set(
          id,
          list.filter((entry) => !gone(entry))
        )
      state.messages = state.messages.filter((entry) => !gone(entry))
    },
    held: (device, perChat) => {
      const acked = ackedBy(device)
      const waiting = updatesSince(acked)
      return state.chats.map((facts) => {
        const list = byChat.get(facts.id) ?? []
        const last = lastKnown(list, list.length, perChat, acked, waiting)
        return { ...facts, t: last.at(-1)?.t ?? 0, last }
      })
    },
    earlier: (told, chatId, before, count) => {
      const list = byChat.get(chatId) ?? []
      return lastKnown(
        list,
        before === undefined ? list.length : placeOf(list, before),
        count,
        told,
        updatesSince(told)
      )
    },
    waiting: (device) => {
      const acked = ackedBy(device)
      return state.events.filter(({ n }) => n > acked)
    },
    acked: (device, n) => {
      const linked = state.devices.find(({ id }) => id === device)
      if (linked === undefined) return
      linked.acked = Math.max(linked.acked, n)
      const all = Math.min(...state.devices.map(({ acked }) => acked))
      const kept = state.events.findIndex((event) => event.n > all)
      state.events.splice(0, kept < 0 ? state.events.length : kept)
      news.emit('changed')
    },
    link: () => {
      const id = `${state.me.id.replace('@', `:${state.devices.length + 1}@`)}-${Date.now()}`
      state.devices.push({ id, acked: state.lastN })
      news.emit('changed')
      return id
    },
    unlink: (device) => {
      state.devices = device === undefined ? [] : state.devices.filter(({ id }) => id !== device)
      if (state.devices.length === 0) state.events.length = 0
      news.emit('changed')
    }
  }
}
