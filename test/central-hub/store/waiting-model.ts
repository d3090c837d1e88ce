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
  reminder?: Reminder | undefined
}

/** UNIX seconds. What asks after `from` ends a reminder that is not back. */
export interface Reminder {
  at: number
  from: number
  isBack: boolean
}

/** When the latest message that does this was written; 0 without one. */
export const lastOf = ({ state, said }: Conversation, does: Said['does']): number =>
  Math.max(
    0,
    ...said
      .filter((message) => message.does === does && !message.isDeletedForAll)
      .filter((message) => !isEndAt(message, state))
      .map(({ time }) => time)
  )

/** The reminder after all that was said. */
export const reminderIn = (conversation: Conversation): Reminder | undefined => {
  const { state, reminder } = conversation
  if (reminder === undefined || state === 'ignored') return undefined
  const isOver = reminder.isBack
    ? lastOf(conversation, 'answers') >= reminder.at
    : lastOf(conversation, 'asks') > reminder.from
  return isOver ? undefined : reminder
}

const isEndAt = (message: Said, state: Conversation['state']): boolean =>
  message.isHandled ||
  message.isReactedTo ||
  (message.isClosed && (state === 'won' || state === 'lost'))

/**
 * What still asks, in the order of time, and whether a mark as handled is why the rest does not.
 */
export const openOf = ({ state, said }: Conversation): { open: Said[]; isHandled: boolean } => {
  let open: Said[] = []
  let isHandled = false
  for (const message of said.toSorted((a, b) => a.time - b.time)) {
    const isEnd = isEndAt(message, state)
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
  const { reminder } = conversation
  const isLater = reminder?.isBack === false
  const waits = conversation.state === 'ignored' || isLater ? [] : open
  const times = waits.map(({ time }) => time)
  if (reminder?.isBack === true) times.push(reminder.at)
  const since = times.length === 0 ? null : Math.min(...times)
  const count = (of: Said[]): number => new Set(of.map(({ thing }) => thing)).size
  return {
    since,
    unanswered: count(waits),
    unread: count(waits.filter(({ isRead }) => !isRead)),
    isHandled: isHandled && since === null,
    remindAt: reminder?.at ?? null
  }
}
