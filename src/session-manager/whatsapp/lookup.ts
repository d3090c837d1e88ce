/**
 * Finding a message of which the page may have another id than the journal: a chat is known by its
 * phone number or by its LID, and the page moves its messages from one to the other. The functions
 * run in the page, and use nothing of this file but their arguments.
 */

/** A message of WhatsApp Web in memory. */
export interface HeldMessage {
  id: unknown
}

interface PageScope {
  require: (name: string) =>
    | {
        Msg: { getModelsArray?: () => HeldMessage[] }
        createWid: (id: string) => unknown
        getPhoneNumber?: (wid: unknown) => unknown
        getCurrentLid?: (wid: unknown) => unknown
      }
    | undefined
}

/**
 * The ids that a message has when its chat, its sender, or both are named by their other address.
 */
export const otherIdsOf = (id: string): string[] => {
  const { require } = globalThis as unknown as PageScope
  const otherAddress = (address: string): string | undefined => {
    if (!/@(c\.us|lid)$/.test(address)) return undefined
    try {
      const contacts = require('WAWebApiContact')
      const wid = require('WAWebWidFactory')?.createWid(address)
      const read = address.endsWith('@lid') ? contacts?.getPhoneNumber : contacts?.getCurrentLid
      const other = read?.(wid)
      return other == null ? undefined : String(other)
    } catch {
      // A page without this knowledge has one address for each.
      return undefined
    }
  }
  const [fromMe, remote = '', stanza, ...rest] = id.split('_')
  if (stanza === undefined) return []
  const participant = rest.join('_')
  const chats = [remote, otherAddress(remote)]
  const senders = [participant, otherAddress(participant)]
  const ids: string[] = []
  for (const chat of chats) {
    for (const sender of senders) {
      if (chat === undefined || sender === undefined) continue
      const other = [fromMe, chat, stanza, ...(sender === '' ? [] : [sender])].join('_')
      if (other !== id) ids.push(other)
    }
  }
  return ids
}

/**
 * The one message in the page's memory with the same stanza id and direction, in the same group or
 * in a person's chat. Who writes a message chooses its stanza id: where several match, none is
 * taken.
 */
export const heldByStanza = (id: string): HeldMessage | undefined => {
  const { require } = globalThis as unknown as PageScope
  const [fromMe, remote = '', stanza] = id.split('_')
  const isPerson = (address: string): boolean => /@(c\.us|lid)$/.test(address)
  const isSame = (message: HeldMessage): boolean => {
    try {
      const key = message.id as Record<string, unknown>
      if (key['id'] !== stanza || String(key['fromMe']) !== fromMe) return false
      const held = String(key['remote'])
      if (held === remote) return true
      return isPerson(held) && isPerson(remote) && held.split('@')[1] !== remote.split('@')[1]
    } catch {
      return false
    }
  }
  const found = (require('WAWebCollections')?.Msg.getModelsArray?.() ?? []).filter(isSame)
  return found.length === 1 ? found[0] : undefined
}
