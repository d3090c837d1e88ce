import { addressesOf } from '../database/message-id.ts'
import type { LeadRow } from '../read/leads.ts'
import type { Db } from '../database/schema.ts'

/** WhatsApp's own notices make no lead; when the person writes, they are of that lead. */

/** Gives leads the notices of their chats, inside a transaction of the caller's. */
export const adoptNotices = async (
  db: Db,
  leads: readonly Pick<LeadRow, 'id' | 'account' | 'phone' | 'lid'>[]
): Promise<void> => {
  for (const [account, group] of Map.groupBy(leads, (lead) => lead.account)) {
    const byChat = new Map(
      group.flatMap((lead) => addressesOf(lead).map((chat) => [chat, lead.id] as const))
    )
    const chats = await db
      .selectFrom('messages')
      .select('chat_id')
      .distinct()
      .where('chat_id', 'in', [...byChat.keys()])
      .where('account', '=', account)
      .where('lead_id', 'is', null)
      .where('personal', '=', 0)
      .execute()
    for (const { chat_id } of chats) {
      await db
        .updateTable('messages')
        .set({ lead_id: byChat.get(chat_id) ?? null })
        .where('chat_id', '=', chat_id)
        .where('account', '=', account)
        .where('lead_id', 'is', null)
        .where('personal', '=', 0)
        .execute()
    }
  }
}
