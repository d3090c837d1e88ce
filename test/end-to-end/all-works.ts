import type { InboundRecord } from '../../src/contract/record.ts'
import type { Session } from './session.ts'

/**
 * Whether all that LeadMaster captures of a conversation is captured, on the page that a session
 * shows.
 */

const ana = '+5215512345678'
const bytes = Buffer.from('the bytes of a photo')

/** One thing, and a record that shows that it was captured. */
type Thing = [name: string, act: () => (record: InboundRecord) => boolean]

const things = ({ web: { phone } }: Session): Thing[] => {
  const first = phone.text({ from: ana, name: 'Ana', text: 'the first' })
  const of =
    (kind: InboundRecord['kind'], id: string) =>
    (record: InboundRecord): boolean =>
      record.kind === kind && record.message.id === id
  const text = (about: Parameters<typeof phone.text>[0]) => of('message', phone.text(about).id)
  return [
    ['text', () => of('message', first.id)],
    ['reply of the operator', () => text({ to: ana, text: 'the answer' })],
    [
      'quote',
      () => {
        const { id } = phone.text({ from: ana, text: 'about that', quotes: first.id })
        return (record) => of('message', id)(record) && record.message.quoted_id === first.id
      }
    ],
    [
      'group',
      () =>
        text({
          from: ana,
          group: phone.group({ subject: 'Casas', participants: [ana] }),
          text: 'hello all'
        })
    ],
    [
      'reaction',
      () => {
        phone.react({ from: ana, message: first.id, emoji: '👍' })
        return ({ kind, message }) =>
          kind === 'reaction' && message.reaction?.message_id === first.id && message.body === '👍'
      }
    ],
    [
      'vote',
      () => {
        const poll = phone.poll({ to: ana, question: 'When?', options: ['Monday', 'Friday'] })
        phone.vote({ from: ana, poll: poll.id, options: ['Friday'] })
        return ({ kind, message }) =>
          kind === 'vote' && message.vote?.message_id === poll.id && message.body === 'Friday'
      }
    ],
    [
      'edit',
      () => {
        const { id } = phone.text({ from: ana, text: 'I pay 100' })
        phone.edit({ message: id, text: 'I pay 200' })
        return (record) => of('edit', id)(record) && record.message.body === 'I pay 200'
      }
    ],
    [
      'deletion',
      () => {
        const { id } = phone.text({ from: ana, text: 'a mistake' })
        phone.revoke({ message: id })
        return of('revoke', id)
      }
    ],
    [
      'media',
      () => {
        const { id } = phone.media({ from: ana, kind: 'image', bytes })
        return (record) => of('media', id)(record) && record.message.media?.state === 'stored'
      }
    ]
  ]
}

/** Has everything happen on the phone. @returns what was not captured within `ms` */
export const notCaptured = async (session: Session, ms: number): Promise<string[]> => {
  let open = things(session).map(([name, act]) => ({ name, fits: act() }))
  for (const end = Date.now() + ms; open.length > 0 && Date.now() < end; ) {
    const records = await session.records()
    open = open.filter(({ fits }) => !records.some(fits))
    if (open.length > 0) await new Promise((later) => setTimeout(later, 100))
  }
  return open.map(({ name }) => name)
}
