import { isOfAPerson } from '../../contract/message-types.ts'
import type { CapturedMessage } from '../../contract/record.ts'

/** What a message does to who waits for an answer. */

/** 0: nothing; 1: it waits for an answer; 2: it is one. */
export type Turn = 0 | 1 | 2

/** Whether a person wrote it: neither WhatsApp itself nor a bot. */
export const isPersonal = ({ type, bot }: Pick<CapturedMessage, 'type' | 'bot'>): boolean =>
  bot !== true && isOfAPerson(type)

/**
 * A call that was answered is an answer, whoever called. One that was not waits for an answer when they called, and is
 * nothing when we did. What WhatsApp never sent is no answer. The column `turn` is the same.
 */
export const turnOf = (message: Pick<CapturedMessage, 'type' | 'bot' | 'from_me' | 'call' | 'unsent'>): Turn => {
  const { type, from_me, call, unsent } = message
  if (!isPersonal(message) || (from_me && unsent === true)) return 0
  if (type !== 'call_log') return from_me ? 2 : 1
  if (call?.outcome === 'answered') return 2
  return from_me ? 0 : 1
}
