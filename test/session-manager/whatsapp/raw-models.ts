import type { Raw } from '../../../src/session-manager/whatsapp/content/raw.ts'

/** Raw models as whatsapp-web.js's getMessageModel serializes them out of WhatsApp Web. */

export const me = '5215587654321@c.us'
export const lead = '5215512345678@c.us'
export const group = '120363025246125486@g.us'
export const lid = '118999881199@lid'

export const wid = (id: string): Raw => {
  const [user, server] = id.split('@')
  return { server, user, _serialized: id }
}

/** A text from a lead; `facts` change what they name. */
export const rawText = (id: string, facts: Raw = {}): Raw => ({
  id: { fromMe: false, remote: lead, id, _serialized: `false_${lead}_${id}` },
  viewed: false,
  body: 'Hola, ¿sigue disponible?',
  type: 'chat',
  t: 1_700_000_000,
  notifyName: 'Ana',
  from: wid(lead),
  to: wid(me),
  ack: 1,
  invis: false,
  isNewMsg: true,
  star: false,
  kicNotified: false,
  recvFresh: true,
  mentionedJidList: [],
  groupMentions: [],
  isVcardOverMmsDocument: false,
  isForwarded: false,
  hasReaction: false,
  links: [],
  ...facts
})

export const rawMine = (id: string, facts: Raw = {}): Raw =>
  rawText(id, {
    id: { fromMe: true, remote: lead, id, _serialized: `true_${lead}_${id}` },
    from: wid(me),
    to: wid(lead),
    notifyName: undefined,
    ...facts
  })

export const rawGroup = (id: string, facts: Raw = {}): Raw =>
  rawText(id, {
    id: {
      fromMe: false,
      remote: group,
      id,
      participant: wid(lead),
      _serialized: `false_${group}_${id}_${lead}`
    },
    from: wid(group),
    author: wid(lead),
    ...facts
  })

/** 32 bytes, in base64 as WhatsApp has it. */
export const filehash = Buffer.alloc(32, 7).toString('base64')
export const sha256 = Buffer.alloc(32, 7).toString('hex')

export const rawImage = (id: string, facts: Raw = {}): Raw =>
  rawText(id, {
    type: 'image',
    body: '/9j/4AAQSkZJRgABAQAAAQABAAD',
    caption: 'the house',
    mimetype: 'image/jpeg',
    directPath: '/v/t62.7118-24/1_2_n.enc?ccb=11-4',
    filehash,
    encFilehash: Buffer.alloc(32, 9).toString('base64'),
    size: 123_456,
    mediaKey: 'a2V5',
    height: 1_600,
    width: 900,
    ...facts
  })
