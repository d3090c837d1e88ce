import { LeadMasterError, type Connection } from '../../client/index.ts'
import { clean } from '../text.ts'

/** Writes a note when the hub is away and when it is back. The client reconnects by itself. */
export const connectionNotes = (
  note: (text: string) => void
): ((connection: Connection) => void) => {
  let away = false
  return (connection) => {
    if (connection.state === 'open') {
      if (away) note('The hub is back.\n')
      away = false
    } else if (connection.state === 'waiting' && !away) {
      away = true
      const why =
        connection.error instanceof LeadMasterError
          ? connection.error.message
          : 'the connection ended'
      note(`The hub is away (${clean(why)}): it is tried again until it is back.\n`)
    }
  }
}
