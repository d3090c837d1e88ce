import type { Phone } from './phone.ts'

/** A message of each kind that the simulated phone can write: the page then holds all fields. */

const ana = '+5215512345678'
const luz = '+5215500000001'

export const sendOneOfEach = (phone: Phone): void => {
  const question = phone.text({ from: ana, name: 'Ana', text: 'Is it still for sale?' })
  const answer = phone.text({ to: ana, text: 'It is', quotes: question.id })
  const group = phone.group({ subject: 'Houses', participants: [ana, luz] })
  phone.text({ from: luz, group, name: 'Luz', text: '@Ana look', mentions: [ana], forwarded: true })
  phone.groupNotice({ group, by: ana, subtype: 'add', who: [luz] })
  const kinds = ['image', 'video', 'audio', 'ptt', 'document', 'sticker'] as const
  for (const kind of kinds) {
    phone.media({ from: ana, kind, bytes: Buffer.alloc(1_000, 1), caption: 'a caption' })
  }
  phone.location({
    from: ana,
    latitude: 19.4,
    longitude: -99.1,
    place: 'Office',
    address: 'Reforma 1'
  })
  phone.location({ from: ana, latitude: 19.4, longitude: -99.1, live: true })
  phone.contacts({ from: ana, cards: [{ name: 'Luz', phone: luz }] })
  phone.contacts({
    from: ana,
    cards: [
      { name: 'Luz', phone: luz },
      { name: 'Ana', phone: ana }
    ]
  })
  const poll = phone.poll({ from: ana, question: 'When?', options: ['Monday', 'Tuesday'] })
  phone.vote({ from: ana, poll: poll.id, options: ['Monday'] })
  phone.react({ from: ana, message: answer.id, emoji: '👍' })
  phone.edit({ message: question.id, text: 'Is the red one still for sale?' })
  phone.revoke({ message: phone.text({ from: ana, text: 'a mistake' }).id })
  phone.ciphertext({ from: ana, text: 'not to be read' })
  phone.call({ from: ana })
}
