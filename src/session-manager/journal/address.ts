/**
 * WhatsApp's addresses and message ids. One account has several spellings: a phone number
 * (`5215512345678@c.us`), a LID (`118999881199@lid`), each with a device (`:12`) or at a hosted
 * provider (`:99@hosted`, `@hosted.lid`). Names: WAWebWid and WAWebMsgKey of WhatsApp Web.
 */

const account = /^(\d+)(?:[.:]\d+)*@(c\.us|s\.whatsapp\.net|hosted|lid|hosted\.lid)$/

/**
 * The address of the account, without its device: `…@c.us` or `…@lid`. Any other address stays as
 * it is.
 */
export const accountAddress = (address: string): string => {
  const [, user, server] = account.exec(address) ?? []
  if (user === undefined || server === undefined) return address
  return `${user}@${server.endsWith('lid') ? 'lid' : 'c.us'}`
}

/** The phone number behind an address, in E.164. */
export const phoneOf = (address: string | undefined): string | undefined => {
  const [, digits] = /^(\d{5,15})@c\.us$/.exec(accountAddress(address ?? '')) ?? []
  return digits === undefined ? undefined : `+${digits}`
}

/** The LID behind an address, without a device. */
export const lidOf = (address: string | undefined): string | undefined => {
  const plain = accountAddress(address ?? '')
  return plain.endsWith('@lid') ? plain : undefined
}

/** Whether an address is of one account: not of a group, a channel or a broadcast. */
export const isAccount = (address: string): boolean => account.test(address)

/** The parts of a message id: `<fromMe>_<chat>_<stanza>[_in|_out][_<participant>]`. */
export interface MessageId {
  fromMe: boolean
  chat: string
  /** What the sender's device drew for it: the same under each address. */
  stanza: string
  participant: string | undefined
}

/** @returns undefined for a text that is not a message id */
export const parseMessageId = (id: string): MessageId | undefined => {
  const [fromMe, chat, stanza, ...rest] = id.split('_')
  if ((fromMe !== 'true' && fromMe !== 'false') || !chat || !stanza) return undefined
  const participant = rest.find((part) => part !== 'in' && part !== 'out' && part !== '')
  return { fromMe: fromMe === 'true', chat, stanza, participant }
}

/** A message id with the addresses of accounts in it, without their devices. */
export const plainMessageId = (id: string): string => id.split('_').map(accountAddress).join('_')
