import type { HubEvent } from '../../client/index.ts'
import { omitUndefined } from '../../platform/omit-undefined.ts'
import { command, Fault } from './command.ts'
import { connectionNotes } from './connection.ts'
import { sessionInWords } from './session.ts'
import { clean, jsonLine, paint, span } from '../text.ts'
import { inWords } from './words.ts'

const help = `Messages, leads and the state of the sessions as they come, until Ctrl-C. \
It goes on by itself when the hub was away,
and then shows what it missed.

options:
  --after ID            begins after this event, of an earlier --json; 0: with all that are kept
  --json                one event a line: {"id", "type", "data"}`

const clock = (at: number): string => new Date(at).toTimeString().slice(0, 8)

type Message = Extract<HubEvent, { type: 'message' }>['data']

const maxShown = 5_000

interface ShownMessage {
  text: string
  reactions: string
  isRevoked: boolean
}

/** What was shown of each message. An event does not say what has changed in a message. */
class ShownMessages {
  readonly #shown = new Map<string, ShownMessage>()

  /** @returns the change of a message as text; undefined when nothing visible has changed */
  news(message: Message): string | undefined {
    const before = this.#shown.get(message.id)
    const text = inWords(message)
    const reactions = clean((message.reactions ?? []).map(({ emoji }) => emoji).join(' '))
    const isRevoked = message.revoked_at !== null
    this.#keep(message.id, { text, reactions, isRevoked })
    if (isRevoked) return before?.isRevoked === true ? undefined : paint('dim', `deleted: ${text}`)
    if (before === undefined)
      return [text, message.edited_at === null ? '' : paint('dim', '(edited)'), reactions]
        .filter(Boolean)
        .join(' ')
    if (before.text !== text)
      return `${paint('dim', message.edited_at === null ? 'now:' : 'edited:')} ${text}`
    if (before.reactions === reactions) return undefined
    return paint(
      'dim',
      `${reactions === '' ? 'reaction taken back' : `reacted ${reactions}`}: ${text}`
    )
  }

  #keep(id: string, shown: ShownMessage): void {
    this.#shown.delete(id)
    this.#shown.set(id, shown)
    const [oldest] = this.#shown.keys()
    if (this.#shown.size > maxShown && oldest !== undefined) this.#shown.delete(oldest)
  }
}

/** A line for an event; undefined when it shows nothing new. */
const line = (
  { type, data }: HubEvent,
  sessions: Map<string, string>,
  shown: ShownMessages
): string | undefined => {
  switch (type) {
    case 'message': {
      const who = clean([data.phone ?? data.chat_id, data.name].filter(Boolean).join(' '))
      const text = shown.news(data)
      if (text === undefined) return undefined
      const way = data.from_me ? paint('cyan', '→') : paint('green', '←')
      return `${clock(data.timestamp * 1_000)}  ${way} ${paint('bold', who)}  ${text}`
    }
    case 'lead': {
      const waits =
        data.waiting_since === null
          ? 'does not wait'
          : `waits for ${span(Date.now() - Date.parse(data.waiting_since))}`
      return paint(
        'dim',
        `          lead ${data.id} ${clean(data.name ?? data.phone ?? '')}: ${data.state}, ${waits}`
      )
    }
    case 'lead_removed': {
      const into = data.merged_into
      const words = into === null ? 'was deleted' : `became part of lead ${into}`
      return paint('dim', `          lead ${data.id} ${words}`)
    }
    case 'session': {
      const [account, words] =
        'journal' in data
          ? [data.account, `${data.status}: ${sessionInWords(data)}`]
          : [data.account ?? '', data.detail ?? data.title]
      // Its words count seconds, so it is shown only when the status changes.
      const status = 'journal' in data ? data.status : words
      if (sessions.get(account) === status) return undefined
      sessions.set(account, status)
      return paint('yellow', `          session ${clean(account)} ${clean(words)}`)
    }
    case 'reset':
      return paint(
        'yellow',
        '          events were missed that are kept no more: leadmaster leads shows how ' +
          'things stand'
      )
    case 'end':
      return undefined
  }
}

/** The id of an event. */
const eventId = /^(0|[\w.]{1,40}-\d{1,20})$/

export const tail = command({
  name: 'tail',
  summary: 'Shows what happens as it happens',
  help,
  options: { after: { type: 'string' }, json: { type: 'boolean' } },
  run: async ({ after, json }, { hub: find, signal, say, note }) => {
    // The hub answers an invalid id with a reset, which would hide a typing error.
    if (after !== undefined && !eventId.test(after))
      throw new Fault(`--after ${clean(after)} is not the id of an event, nor 0`)
    const sessions = new Map<string, string>()
    const shown = new ShownMessages()
    for await (const event of find().events(
      omitUndefined({ signal, onConnection: connectionNotes(note), after })
    )) {
      const text = json ? jsonLine(event).trimEnd() : line(event, sessions, shown)
      if (text !== undefined) say(`${text}\n`)
    }
    return 0
  }
})
