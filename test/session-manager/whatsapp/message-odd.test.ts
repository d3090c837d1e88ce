import t from 'tap'
import { toMessage } from '../../../src/session-manager/whatsapp/message.ts'
import { mapping } from './only-draft.ts'
import { group, lead, me, rawGroup, rawMine, rawText, wid } from './raw-models.ts'

/** Messages whose ids and addresses are not what WhatsApp's usually are. */

t.test("the operator's own message is known as such though its id cannot be read", async (t) => {
  const message = toMessage(rawMine('A', { id: { fromMe: true } }), mapping)

  t.match(message, { from_me: true, chat_id: lead, from: me, to: lead, phone: '+5215512345678' })
  t.match(toMessage(rawText('A', { id: { fromMe: false } }), mapping), {
    from_me: false,
    chat_id: lead
  })
})

t.test(
  'an address whose server only begins like one of WhatsApp is no bot, no group and no status',
  async (t) => {
    const isBot = (chat: string): boolean | undefined =>
      toMessage(
        rawText('A', { id: { fromMe: false, remote: chat, id: 'A' }, from: wid(chat) }),
        mapping
      )?.bot
    t.equal(isBot('13135550002@c.us'), true)
    t.equal(isBot('13135550002@c.us.example'), undefined)

    const quotedIn = (chat: string): string | undefined =>
      toMessage(
        rawGroup('A', { quotedStanzaID: 'Q', quotedParticipant: wid(lead), quotedRemoteJid: chat }),
        mapping
      )?.quoted_id
    for (const chat of [group, 'status@broadcast']) {
      t.equal(quotedIn(chat), `false_${chat}_Q_${lead}`)
      t.equal(quotedIn(`${chat}.example`), `false_${chat}.example_Q`)
    }
  }
)
