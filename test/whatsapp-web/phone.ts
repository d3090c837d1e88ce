import { createHash } from 'node:crypto'
import type { Scenario } from './api.ts'
import type { ChatFault, History } from './history.ts'
import type { MediaAbout, MediaKind } from './media.ts'
import { readFixture } from './fixture.ts'
import { sealMedia } from './media.ts'
import {
  location,
  message,
  newId,
  poll,
  quoting,
  serialized,
  toId,
  vcard,
  type MessageModel
} from './models.ts'

/**
 * The phone and the people who write to it: everything that can happen in WhatsApp. Addresses as
 * `toId` takes them.
 */

/**
 * What any message may have. Without `from` it is the operator's own, written on the phone to `to`.
 */
export interface Common {
  from?: string
  /** Whom the operator writes to. */
  to?: string
  /** The group it is written in. */
  group?: string
  name?: string
  id?: string
  /** UNIX seconds. */
  t?: number
  /** Id of the message that is answered. */
  quotes?: string
  /** The number of the linked device it was written on, which a group's participant may carry. */
  device?: number
  mentions?: string[]
  forwarded?: boolean
  /** The page takes it in and tells nobody. */
  silent?: boolean
}

export interface Sent {
  id: string
  chat: string
  t: number
}

export interface Phone {
  me: { id: string; lid: string; pushname: string }
  text(about: Common & { text: string }): Sent
  /** Any type of message, known or not. */
  raw(about: Common & { type: string; facts?: Record<string, unknown> }): Sent
  media(
    about: Common & MediaAbout & { kind: MediaKind; bytes: Buffer; lost?: boolean }
  ): Sent & { sha256: string }
  location(
    about: Common & {
      latitude: number
      longitude: number
      place?: string
      address?: string
      live?: boolean
    }
  ): Sent
  contacts(about: Common & { cards: readonly { name: string; phone: string }[] }): Sent
  poll(about: Common & { question: string; options: readonly string[]; multiple?: boolean }): Sent
  vote(about: { from: string; poll: string; options: readonly string[] }): void
  react(about: { from?: string; message: string; emoji: string }): void
  edit(about: { message: string; text: string; silent?: boolean }): void
  /** Deletes for everyone, as its writer, or as an admin. */
  revoke(about: { message: string; silent?: boolean }): void
  /** Deletes on the operator's own devices. */
  deleteForMe(about: { message: string }): void
  /**
   * A message that cannot be decrypted, until `decrypt`. `resend`: it can once the phone is asked
   * to send it again.
   */
  ciphertext(about: Common & { text: string; resend?: boolean }): Sent
  decrypt(about: { message: string }): void
  call(about: { from: string; video?: boolean; t?: number }): Sent
  group(about: {
    id?: string
    subject: string
    participants: readonly string[]
    lids?: boolean
  }): string
  /**
   * `subtype` as WhatsApp names it: add, invite, remove, leave, promote, demote, subject,
   * description, …
   */
  groupNotice(about: {
    group: string
    by: string
    subtype: string
    who?: readonly string[]
    text?: string
    t?: number
  }): Sent
  /** Says which phone number a LID has. */
  lid(about: { lid: string; phone: string }): void
  contact(about: { id: string; name?: string; pushname?: string }): void
  /**
   * Many messages of long ago, in many chats: seen by whoever reads back, told to nobody. @returns
   * their ids
   */
  history(about: {
    chats: number
    perChat: number
    from: number
    spacingS?: number
    prefix?: string
  }): string[]
  /**
   * Drops messages written before a time, UNIX seconds; devices that hold them go on holding them.
   */
  forget(before: number): void
  /**
   * One of the messages in fixtures/, in the page's true shape. @param overrides attributes that
   * are other than in the file; its id is another when there is such a message already
   */
  fixture(name: string, overrides?: Record<string, unknown>): Sent
  /**
   * Loading a chat's older messages goes wrong from now on, or, without a fault, goes well again.
   */
  chatFault(chat: string, fault?: ChatFault): void
  /** A message's model throws when it is serialised, or, without `faulty`, no longer does. */
  messageFault(message: string, faulty: boolean): void
  /** Asked by a device: what it could not decrypt, once more. */
  resent(ids: readonly string[]): void
}

/** The id of the deletion of a message: another, and the same in each run of a test. */
const revocationId = (id: string): string =>
  `3A${createHash('sha256').update(id).digest('hex').slice(0, 18)}`.toUpperCase()

const groupId = (): string =>
  `1203630${Math.floor(Math.random() * 1e11)
    .toString()
    .padStart(11, '0')}@g.us`

/** @param store keeps media on the media server */
export const createPhone = (
  history: History,
  store: (path: string, sealed: Buffer | undefined) => void,
  scenario: Pick<Scenario, 'revokeKeepsKey'>
): Phone => {
  const { state } = history
  const hidden = new Map<string, { type: string; body: string; resend: boolean }>()

  const envelope = ({
    from,
    to,
    group,
    name,
    id,
    t,
    device
  }: Common): Parameters<typeof message>[0] => {
    if (from === undefined && to === undefined && group === undefined)
      throw new Error('from, to or group is missing: nobody writes to nobody')
    const writer = from === undefined ? undefined : toId(from)
    const known =
      writer === undefined ? undefined : state.contacts.find((contact) => contact.id === writer)
    const given = name ?? known?.pushname
    return {
      me: state.me.id,
      meLid: state.me.lid,
      chat: group === undefined ? toId((from ?? to) as string) : toId(group),
      ...(writer === undefined ? {} : { from: writer }),
      ...(given === undefined ? {} : { name: given }),
      ...(id === undefined ? {} : { id }),
      ...(t === undefined ? {} : { t }),
      ...(device === undefined ? {} : { device })
    }
  }
  const shared = ({ quotes, mentions, forwarded }: Common): Record<string, unknown> => ({
    ...(quotes === undefined ? {} : quoting(history.need(quotes))),
    ...(mentions === undefined ? {} : { mentionedJidList: mentions.map(toId) }),
    ...(forwarded ? { isForwarded: true, forwardingScore: 1 } : {})
  })
  const put = (model: MessageModel, silent?: boolean): Sent => {
    if (history.has(serialized(model.id)))
      throw new Error(`id: there is a message ${model.id.id} already`)
    history.add(model, silent ? { silent } : {})
    return { id: serialized(model.id), chat: model.id.remote, t: model.t }
  }
  const raw: Phone['raw'] = (about) =>
    put(message(envelope(about), about.type, { ...shared(about), ...about.facts }), about.silent)

  return {
    me: state.me,
    raw,
    text: (about) => raw({ ...about, type: 'chat', facts: { body: about.text } }),
    media: (about) => {
      const { sealed, directPath, facts } = sealMedia(about.kind, about.bytes, about)
      store(directPath, about.lost ? undefined : sealed)
      const sent = raw({ ...about, type: about.kind, facts })
      return { ...sent, sha256: Buffer.from(facts['filehash'] as string, 'base64').toString('hex') }
    },
    location: (about) => {
      const place = {
        ...(about.place === undefined ? {} : { name: about.place }),
        ...(about.address === undefined ? {} : { address: about.address }),
        ...(about.live ? { live: true } : {})
      }
      return raw({
        ...about,
        type: 'location',
        facts: location(about.latitude, about.longitude, place)
      })
    },
    contacts: (about) => {
      const cards = about.cards.map(({ name, phone }) => ({
        displayName: name,
        vcard: vcard(name, phone)
      }))
      const [first] = cards
      if (first === undefined) throw new Error('cards: give at least one')
      return cards.length === 1
        ? raw({
            ...about,
            type: 'vcard',
            facts: { body: first.vcard, vcardFormattedName: first.displayName }
          })
        : raw({ ...about, type: 'multi_vcard', facts: { body: '', vcardList: cards } })
    },
    poll: (about) =>
      raw({
        ...about,
        type: 'poll_creation',
        facts: poll(about.question, about.options, about.multiple === true)
      }),
    vote: ({ from, poll: id, options }) => {
      const parent = history.need(id)
      const all = parent['pollOptions'] as { name: string; localId: number }[]
      const unknown = options.find((option) => !all.some(({ name }) => name === option))
      if (unknown !== undefined) throw new Error(`options: the poll has no option ${unknown}`)
      const voter = toId(from)
      const group = parent.id.remote.endsWith('@g.us')
      const at = Date.now()
      history.happen({
        kind: 'vote',
        row: {
          id: {
            fromMe: false,
            remote: parent.id.remote,
            id: newId(),
            ...(group ? { participant: voter } : {})
          },
          type: 'poll_update',
          kind: 'pollVoteDecrypted',
          pollUpdateParentKey: parent.id,
          from: group ? parent.id.remote : voter,
          ...(group ? { author: voter } : {}),
          selectedOptionLocalIds: all
            .filter(({ name }) => options.includes(name))
            .map(({ localId }) => localId),
          senderTimestampMs: at,
          t: at,
          ack: 1
        }
      })
    },
    react: ({ from, message: id, emoji }) => {
      const parent = history.need(id)
      const sender = from === undefined ? state.me.id : toId(from)
      const group = parent.id.remote.endsWith('@g.us')
      history.happen({
        kind: 'reaction',
        row: {
          id: {
            fromMe: from === undefined,
            remote: parent.id.remote,
            id: newId(),
            ...(group ? { participant: sender } : {})
          },
          type: 'reaction',
          kind: 'reactionDecrypted',
          reactionParentKey: parent.id,
          reactionText: emoji,
          reactionTimestamp: Date.now(),
          from: group && from !== undefined ? parent.id.remote : sender,
          ...(group ? { author: sender } : {}),
          orphan: 0,
          read: false,
          ack: 1
        }
      })
    },
    edit: ({ message: id, text, silent }) => {
      const model = history.need(id)
      const caption = model['directPath'] !== undefined
      const at = Date.now()
      history.update(
        id,
        {
          ...(caption ? { caption: text } : { body: text }),
          latestEditMsgKey: { ...model.id, id: newId() },
          latestEditSenderTimestampMs: at
        },
        silent
      )
    },
    revoke: ({ message: id, silent }) => {
      const model = history.need(id)
      // A page that knew the message gives its model the key of the deletion, and keeps the old one
      // beside it.
      const key = scenario.revokeKeepsKey
        ? {}
        : { id: { ...model.id, id: revocationId(model.id.id) } }
      history.update(
        id,
        {
          ...key,
          type: 'revoked',
          subtype: 'sender',
          body: '',
          caption: null,
          directPath: null,
          protocolMessageKey: model.id,
          revokeTimestamp: Math.floor(Date.now() / 1_000)
        },
        silent
      )
    },
    deleteForMe: ({ message: id }) => history.remove(id),
    ciphertext: (about) => {
      const sent = raw({ ...about, type: 'ciphertext', facts: { body: '' } })
      hidden.set(sent.id, { type: 'chat', body: about.text, resend: about.resend === true })
      return sent
    },
    decrypt: ({ message: id }) => {
      const key = serialized(history.need(id).id)
      const plain = hidden.get(key)
      if (plain === undefined) throw new Error(`message: ${id} is no ciphertext`)
      hidden.delete(key)
      history.update(key, { type: plain.type, body: plain.body })
    },
    fixture: (name, overrides = {}) => {
      const { kind, row } = readFixture(name)
      const raw = { ...row, ...overrides }
      const key = raw.id ?? raw['msgKey']
      const id =
        overrides['id'] === undefined && kind === 'message' && history.has(serialized(key))
          ? { ...key, id: newId() }
          : key
      if (kind === 'message') return put({ ...raw, id } as MessageModel)
      history.happen({ kind, row: { ...raw, id } })
      return { id: serialized(id), chat: id.remote, t: Number(raw.t ?? 0) }
    },
    chatFault: (chat, fault) => {
      const { faults } = state
      if (fault === undefined) delete faults.chats[toId(chat)]
      else faults.chats[toId(chat)] = fault
      history.happen({ kind: 'fault', faults: structuredClone(faults) })
    },
    messageFault: (id, faulty) => {
      const key = serialized(history.need(id).id)
      const others = state.faults.messages.filter((other) => other !== key)
      state.faults.messages = faulty ? [...others, key] : others
      history.happen({ kind: 'fault', faults: structuredClone(state.faults) })
    },
    forget: history.forget,
    resent: (ids) => {
      for (const id of ids) {
        const plain = hidden.get(id)
        if (!plain?.resend) continue
        hidden.delete(id)
        history.update(id, { type: plain.type, body: plain.body })
      }
    },
    call: ({ from, video = false, t }) => {
      const peer = toId(from)
      history.happen({
        kind: 'call',
        call: {
          id: newId(),
          peerJid: peer,
          isVideo: video,
          isGroup: false,
          canHandleLocally: false,
          outgoing: false,
          webClientShouldHandle: false,
          participants: []
        }
      })
      return raw({
        from,
        ...(t === undefined ? {} : { t }),
        type: 'call_log',
        facts: { isVideoCall: video, callOutcome: 'Missed', callDuration: 0, callParticipants: [] }
      })
    },
    group: ({ id = groupId(), subject, participants, lids = false }) => {
      const members = [
        { id: lids ? state.me.lid : state.me.id, isAdmin: true },
        ...participants.map((who) => ({ id: toId(who) }))
      ]
      history.chat({
        id: toId(id),
        name: subject,
        group: { participants: members, isLidAddressingMode: lids }
      })
      return toId(id)
    },
    groupNotice: ({ group, by, subtype, who = [], text = '', t }) =>
      raw({
        group,
        from: by,
        ...(t === undefined ? {} : { t }),
        type: 'gp2',
        facts: { subtype, body: text, recipients: who.map(toId), templateParams: [] }
      }),
    lid: ({ lid, phone }) => {
      const pair: [string, string] = [toId(lid), toId(phone)]
      state.lids.push(pair)
      history.happen({ kind: 'lid', pair })
    },
    contact: ({ id, ...facts }) => {
      const contact = { id: toId(id), ...facts }
      state.contacts.push(contact)
      history.happen({ kind: 'contact', contact })
    },
    history: ({ chats, perChat, from, spacingS = 1, prefix = '5215500' }) => {
      const ids: string[] = []
      for (let index = 0; index < chats * perChat; index += 1) {
        const writer = `${prefix}${String(index % chats).padStart(6, '0')}@c.us`
        const model = message(
          {
            me: state.me.id,
            chat: writer,
            from: writer,
            name: `History ${index % chats}`,
            t: from + index * spacingS
          },
          'chat',
          { body: `message ${index} of long ago`, isMdHistoryMsg: true }
        )
        history.add(model, { old: true })
        ids.push(serialized(model.id))
      }
      return ids
    }
  }
}
