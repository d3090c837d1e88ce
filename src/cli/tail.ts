import type { HubEvent } from '../client/index.ts'
import { command } from './command.ts'
import { connectionNotes } from './connection.ts'
import { sessionInWords } from './session.ts'
import { clean, jsonLine, paint, span } from './text.ts'
import { inWords } from './words.ts'

const help = `Messages, leads and the state of the sessions as they come, until Ctrl-C. It goes on by itself when the hub was away,
and then shows what it missed.

options:
  --after ID            begins after this event, of an earlier --json; 0: with all that are kept
  --json                one event a line: {"id", "type", "data"}`

const clock = (at: number): string => new Date(at).toTimeString().slice(0, 8)

/** undefined for what says nothing new. */
const line = ({ type, data }: HubEvent, sessions: Map<string, string>): string | undefined => {
  switch (type) {
    case 'message': {
      const who = clean([data.phone ?? data.chat_id, data.name].filter(Boolean).join(' '))
      const text = inWords(data)
      return `${clock(data.timestamp * 1_000)}  ${data.from_me ? paint('cyan', '→') : paint('green', '←')} ${paint('bold', who)}  ${text}`
    }
    case 'lead': {
      const waits = data.waiting_since === null ? 'does not wait' : `waits for ${span(Date.now() - Date.parse(data.waiting_since))}`
      return paint('dim', `          lead ${data.id} ${clean(data.name ?? data.phone ?? '')}: ${data.state}, ${waits}`)
    }
    case 'lead_removed':
      return paint('dim', `          lead ${data.id} ${data.merged_into === null ? 'was deleted' : `became part of lead ${data.merged_into}`}`)
    case 'session': {
      const [account, words] = 'journal' in data ? [data.account, `${data.status}: ${sessionInWords(data)}`] : [data.account ?? '', data.detail ?? data.title]
      // its words count seconds: told when the status is another
      const status = 'journal' in data ? data.status : words
      if (sessions.get(account) === status) return undefined
      sessions.set(account, status)
      return paint('yellow', `          session ${clean(account)} ${clean(words)}`)
    }
    case 'reset':
      return paint('yellow', '          events were missed that are kept no more: leadmaster leads shows how things stand')
    case 'end':
      return undefined
  }
}

export const tail = command({
  name: 'tail',
  summary: 'Shows what happens as it happens',
  help,
  options: { after: { type: 'string' }, json: { type: 'boolean' } },
  run: async ({ after, json }, { hub: find, signal, say, note }) => {
    const sessions = new Map<string, string>()
    for await (const event of find().events({ signal, onConnection: connectionNotes(note), ...(after === undefined ? {} : { after }) })) {
      const text = json ? jsonLine(event).trimEnd() : line(event, sessions)
      if (text !== undefined) say(`${text}\n`)
    }
    return 0
  }
})
