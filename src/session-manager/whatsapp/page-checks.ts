import type { EarState } from './ear.ts'

/**
 * Checks what the page does, with the messages and chats that it holds. They find a renamed field,
 * which no list of names finds. They change nothing in the page, and ask WhatsApp nothing.
 */

/** Each check with the text of its failure: what does not work. */
export const checks = {
  'own listeners': 'LeadMaster cannot listen to its messages',
  'library listeners': "whatsapp-web.js does not hear its messages, LeadMaster's own listeners do",
  'reaction hook': 'reactions are not captured',
  'vote hook': 'votes in polls are not captured',
  'message key': 'the ids of messages have another form',
  'lookup by id': 'messages are not found by their ids, so that media are not fetched',
  'contact id': 'the ids of contacts have another form',
  'message model': 'messages lack fields that are captured',
  'readable messages':
    'it shows chats, but none of their messages can be read: ' +
    'it is not seen whether messages are missed',
  'socket state': 'its connection is in a state that LeadMaster does not know',
  'qr text': 'the text of its QR has another form'
} as const
export type Check = keyof typeof checks

/** Without these nothing is captured. */
export const fatalChecks: readonly Check[] = ['own listeners']

export interface FailedCheck {
  check: Check
  /** Names of fields, a state: no value of a message. */
  detail?: string | undefined
}

/** States of WhatsApp Web's socket (WAWebSocketConstants), and those of earlier versions. */
export const socketStates: readonly string[] = [
  'OPENING',
  'PAIRING',
  'UNPAIRED',
  'UNPAIRED_IDLE',
  'CONNECTED',
  'TIMEOUT',
  'CONFLICT',
  'UNLAUNCHED',
  'PROXYBLOCK',
  'TOS_BLOCK',
  'SMB_TOS_BLOCK',
  'DEPRECATED_VERSION',
  'SCREEN_LOCKED'
]

/** A link with which a phone's camera opens WhatsApp. Some versions put it before the QR's text. */
const qrLink = '(https://wa\\.me/settings/linked_devices#)?'
/** A reference, three keys and the type of device. */
const qrFields = '[^,]{20,},[^,]{44},[^,]{44},[^,]{44},(?!undefined$|null$|\\[object )[^,]+'
const qrText = new RegExp(`^${qrLink}${qrFields}$`)

/** Whether a text has the form of WhatsApp's QR. */
export const isQrText = (text: string): boolean => qrText.test(text)

/**
 * Runs in the page. A check that needs a message passes while there is none. It is one function,
 * because the page gets it as one text.
 */
export const checkInPage = (states: readonly string[]): FailedCheck[] => {
  type Fields = Record<string, unknown>
  interface Collection {
    get: (id: string) => unknown
    getModelsArray: () => Fields[]
  }
  const scope = globalThis as unknown as {
    require: (name: string) => {
      Msg?: Collection
      Chat?: Collection
      Socket?: Fields
      createWid?: (id: string) => unknown
    }
    WWebJS?: { getMessageModel?: (message: Fields) => Fields }
    [key: symbol]: { check: () => EarState } | undefined
  }
  const failed: FailedCheck[] = []
  const fail = (check: Check, detail?: string): void => void failed.push({ check, detail })
  const load = <T>(read: () => T): T | undefined => {
    try {
      return read()
    } catch {
      return undefined
    }
  }
  const namesOf = (value: unknown): string =>
    typeof value === 'object' && value !== null
      ? `its fields: ${Object.keys(value).sort().join(', ')}`
      : typeof value
  const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

  const checkEar = (): void => {
    const state = load(() => scope[Symbol.for('leadmaster.ear')]?.check())
    if (!state?.messages) fail('own listeners')
    if (state !== undefined && !state.reactions) fail('reaction hook')
    if (state !== undefined && !state.votes) fail('vote hook')
    if (state?.messages && scope.WWebJS !== undefined && state.libraryListeners === 0)
      fail('library listeners')
  }
  const checkKey = (message: Fields): void => {
    const { id } = message
    const text = String(id)
    const carried = (id as Fields)['_serialized']
    if (carried !== text || !/^(true|false)_[^_]+@[\w.]+_[^_]+/.test(text))
      fail('message key', namesOf(id))
    const collection = load(() => scope.require('WAWebCollections').Msg)
    if (collection !== undefined && load(() => collection.get(text)) !== message)
      fail('lookup by id')
  }
  const checkModel = (message: Fields): void => {
    if (scope.WWebJS === undefined) return
    const model = load(() => scope.WWebJS?.getMessageModel?.(message))
    const key = model?.['id'] as Fields | undefined
    const lacks = ['from', 't', 'type'].filter(
      (name) => model?.[name] === undefined || model[name] === null
    )
    // By this the library and the stall watch recognize a message that has just come.
    if (!('isNewMsg' in message)) lacks.push('isNewMsg')
    if (!isText(key?.['_serialized']) || !isText(key['remote'])) lacks.push('id')
    if (lacks.length > 0) fail('message model', `no ${lacks.join(', ')}`)
  }
  const checkWid = (): void => {
    const wid = load(() => scope.require('WAWebWidFactory').createWid?.('0@c.us'))
    // page-contract.ts finds a function that is missing.
    if (wid === undefined) return
    const texts = [
      String(wid),
      (wid as Fields)['_serialized'],
      load(() => JSON.parse(JSON.stringify(wid)) as unknown)
    ]
    const [text, carried, crossed] = texts
    const isReadable =
      crossed === text ||
      (typeof crossed === 'object' && crossed !== null && 'user' in crossed && 'server' in crossed)
    if (text !== '0@c.us' || carried !== text || !isReadable) fail('contact id', namesOf(wid))
  }
  /** The newest message of any chat that holds one. */
  const newestMessage = (chats: Fields[]): Fields | undefined => {
    let newest: Fields | undefined
    for (const chat of chats.slice(0, 200)) {
      const last = load(() => (chat['msgs'] as Collection).getModelsArray().at(-1))
      if (last !== undefined && Number(last['t'] ?? 0) >= Number(newest?.['t'] ?? 0)) newest = last
    }
    return newest
  }
  const checkMessages = (): void => {
    const chats = load(() => scope.require('WAWebCollections').Chat?.getModelsArray()) ?? []
    const active = chats.filter((chat) => Number(load(() => chat['t']) ?? 0) > 0)
    const message = newestMessage(chats)
    if (message !== undefined && isText(load(() => String(message['id'])))) {
      checkKey(message)
      return checkModel(message)
    }
    if (active.length > 0) fail('readable messages')
  }

  checkEar()
  checkWid()
  checkMessages()
  const state = load(() => scope.require('WAWebSocketModel').Socket?.['state'])
  if (state !== undefined && state !== null && !states.includes(String(state)))
    fail('socket state', String(state).slice(0, 40))
  return failed
}
