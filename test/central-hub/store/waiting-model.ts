/**
 * Who waits, as the handbook's table "Who waits" says it, written without a look at the product's
 * code. The test holds the product to it.
 */

/** A message as the table sees it. */
export interface Said {
  /** UNIX seconds; within one second, messages are in the order in which they came. */
  time: number
  mine: boolean
  does: 'asks' | 'answers' | 'nothing'
  /** What it is a part of; others of the same thing count as one. */
  thing: string
  isDeletedForAll: boolean
  isRead: boolean
  /** By us, at this message. */
  isHandled: boolean
  isClosed: boolean
  isReactedTo: boolean
}

export interface Conversation {
  state: 'new' | 'open' | 'won' | 'lost' | 'ignored'
  /** In the order in which they came. */
  said: Said[]
}

/**
 * What still asks, in the order of time, and whether a mark as handled is why the rest does not.
 */
export const openOf = ({ state, said }: Conversation): { open: Said[]; isHandled: boolean } => {
  let open: Said[] = []
  let isHandled = false
  for (const message of said.toSorted((a, b) => a.time - b.time)) {
    const isEnd =
      message.isHandled ||
      message.isReactedTo ||
      (message.isClosed && (state === 'won' || state === 'lost'))
    const does = message.isDeletedForAll ? 'nothing' : message.does
    if (isEnd || does === 'answers') {
      open = []
      isHandled = message.isHandled
    } else if (does === 'asks') {
      open.push(message)
      isHandled = false
    }
  }
  return { open, isHandled }
}

export const waitOf = (conversation: Conversation) => {
  const { open, isHandled } = openOf(conversation)
  const waits = conversation.state === 'ignored' ? [] : open
  const count = (of: Said[]): number => new Set(of.map(({ thing }) => thing)).size
  return {
    since: waits.length === 0 ? null : Math.min(...waits.map(({ time }) => time)),
    unanswered: count(waits),
    unread: count(waits.filter(({ isRead }) => !isRead)),
    isHandled
  }
}
