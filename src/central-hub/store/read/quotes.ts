import { isSameMessage, parseMessageId, stanzaOf } from '../database/message-id.ts'
import type { Db } from '../database/schema.ts'

/**
 * Messages that are quoted: WhatsApp names them by whichever address of the chat it has at hand.
 */

interface Quoting {
  account: string
  lead_id: number | null
  quoted_id?: string
}

interface Quoted {
  id: string
  lead_id: number | null
}

const fromMe = (id: string): boolean | undefined => parseMessageId(id)?.fromMe

/**
 * The one of these that is meant. In a chat with a lead the stanza says it: who wrote it may have
 * been told wrongly.
 */
const find = (quoted: readonly Quoted[], id: string, leadId: number | null): string | undefined => {
  const exact = quoted.find((one) => one.id === id)
  if (exact !== undefined) return exact.id
  const same =
    leadId === null
      ? quoted.filter((one) => isSameMessage(one.id, id, []))
      : quoted.filter((one) => one.lead_id === leadId)
  return (same.find((one) => fromMe(one.id) === fromMe(id)) ?? same[0])?.id
}

/**
 * The ids under which the quoted messages are kept, by the id of the quote; what is not kept is not
 * in it.
 */
export const resolveQuotes = async (
  db: Db,
  messages: readonly Quoting[]
): Promise<(message: Quoting) => string | undefined> => {
  const byStanza = new Map<string, Quoted[]>()
  const quoting = messages.filter(({ quoted_id }) => quoted_id !== undefined)
  for (const [account, group] of Map.groupBy(quoting, (message) => message.account)) {
    const stanzas = [...new Set(group.map(({ quoted_id = '' }) => stanzaOf(quoted_id)))]
    const rows = await db
      .selectFrom('messages')
      .select(['id', 'lead_id', 'stanza'])
      .where('account', '=', account)
      .where('stanza', 'in', stanzas)
      .execute()
    for (const [stanza, quoted] of Map.groupBy(rows, (row) => row.stanza))
      byStanza.set(`${account} ${stanza}`, quoted)
  }
  return ({ account, lead_id, quoted_id }) =>
    quoted_id === undefined
      ? undefined
      : (find(byStanza.get(`${account} ${stanzaOf(quoted_id)}`) ?? [], quoted_id, lead_id) ??
        quoted_id)
}
