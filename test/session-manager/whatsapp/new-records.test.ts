import { mock } from 'node:test'
import fc from 'fast-check'
import { Compile } from 'typebox/compile'
import t from 'tap'
import { CapturedMessage } from '../../../src/contract/record.ts'
import {
  ciphertextFailedRecords,
  editRecords,
  groupRecords,
  messageRecords,
  reactionRecords,
  revokeRecords,
  voteRecords
} from '../../../src/session-manager/whatsapp/new-records.ts'
import { toMessage } from '../../../src/session-manager/whatsapp/message.ts'
import type { NewRecord } from '../../../src/session-manager/journal/journal.ts'
import type { Raw } from '../../../src/session-manager/whatsapp/content/raw.ts'
import { captured, mapping, only } from './only-draft.ts'
import { filehash, group, lead, lid, me, rawGroup, rawImage, rawText, wid } from './raw-models.ts'
import { propertyRuns } from '../../property-runs.ts'

t.test('what is not decrypted yet, or never will be', async (t) => {
  const raw = rawText('A', { type: 'ciphertext', body: undefined })
  const first = only(t, messageRecords(raw, mapping))
  t.match(first, { kind: 'ciphertext', key: `ciphertext:false_${lead}_A` })
  t.not(
    first.key,
    only(t, messageRecords(rawText('A'), mapping)).key,
    'the message that follows is a record of its own'
  )
  t.match(only(t, ciphertextFailedRecords(raw, mapping)), {
    kind: 'ciphertext_failed',
    key: `ciphertext_failed:false_${lead}_A`
  })
  t.same(editRecords(raw, undefined, mapping), [], 'and is no edit')
})

t.test('an edit', async (t) => {
  const at = 1_700_000_100_000
  const edited = rawText('A', {
    body: 'new',
    latestEditSenderTimestampMs: at,
    latestEditMsgKey: {}
  })
  const newRecord = only(t, editRecords(edited, 'old', mapping))
  t.match(newRecord, {
    kind: 'edit',
    key: `edit:false_${lead}_A:${at}`,
    message: {
      id: `false_${lead}_A`,
      body: 'new',
      edited: { at: new Date(at).toISOString(), previous: 'old' }
    }
  })
  t.notOk('previous' in (only(t, editRecords(edited, '', mapping)).message.edited ?? {}))

  t.test('read back, is the message and its latest edit', async (t) => {
    const newRecords = messageRecords(edited, mapping)
    t.same(
      newRecords.map(({ kind }) => kind),
      ['message', 'edit']
    )
    t.equal(newRecords[1]?.key, newRecord.key, 'the same edit as the one seen live')
  })
  t.test('without its time counts only if one text took the place of another', async (t) => {
    t.equal(editRecords(rawText('A', { body: 'new' }), 'old', mapping).length, 1)
    t.equal(editRecords(rawText('A', { body: 'same' }), 'same', mapping).length, 0)
    t.equal(editRecords(rawText('A', { body: 'decrypted now' }), '', mapping).length, 0)
    t.equal(editRecords(rawImage('A'), 'thumbnail', mapping).length, 0)
    const keys = ['new', 'newer'].map(
      (body) => editRecords(rawText('A', { body }), 'old', mapping)[0]?.key
    )
    t.not(keys[0], keys[1], 'two edits are two records')
  })
})

t.test('a deletion refers to the message that is gone', async (t) => {
  const key = { fromMe: false, remote: wid(lead), id: 'GONE', _serialized: `false_${lead}_GONE` }
  const raw = rawText('A', {
    type: 'revoked',
    subtype: 'sender',
    body: '',
    protocolMessageKey: key
  })
  t.match(only(t, revokeRecords(raw, 'sender', mapping)), {
    kind: 'revoke',
    key: `revoke:sender:false_${lead}_GONE`,
    message: { id: `false_${lead}_GONE`, body: '', revoked: { by: 'sender' } }
  })
  t.match(
    only(t, revokeRecords(rawText('B'), 'me', mapping)),
    { key: `revoke:me:false_${lead}_B`, message: { body: '', revoked: { by: 'me' } } },
    'without such a key, to itself'
  )
  t.match(
    messageRecords(raw, mapping),
    [
      { kind: 'message', message: { type: 'revoked' } },
      { kind: 'revoke', message: { id: `false_${lead}_GONE` } }
    ],
    'read back'
  )
})

t.test('a reaction, and its removal', async (t) => {
  const parent = { fromMe: true, remote: lead, id: 'P', _serialized: `true_${lead}_P` }
  const reaction = (text: string, timestamp: number): Raw => ({
    id: { fromMe: false, remote: lead, id: 'R', _serialized: `false_${lead}_R` },
    orphan: 0,
    orphanReason: null,
    timestamp,
    reaction: text,
    read: false,
    msgId: parent,
    senderId: lead,
    ack: undefined
  })
  const newRecord = only(t, reactionRecords(reaction('👍', 1_700_000_000.123), mapping))
  t.match(newRecord, {
    kind: 'reaction',
    message: {
      id: `false_${lead}_R`,
      chat_id: lead,
      from: lead,
      phone: '+5215512345678',
      from_me: false,
      type: 'reaction',
      body: '👍',
      timestamp: 1_700_000_000,
      reaction: { message_id: `true_${lead}_P`, emoji: '👍', sender: lead }
    }
  })
  const removal = only(t, reactionRecords(reaction('', 1_700_000_005), mapping))
  t.match(removal.message, { reaction: { emoji: '' } })
  t.not(removal.key, newRecord.key)
  const mine = only(
    t,
    reactionRecords(
      {
        ...reaction('👍', 1),
        id: { fromMe: true, remote: lead, id: 'R', _serialized: `true_${lead}_R` },
        senderId: me
      },
      mapping
    )
  )
  t.match(mine.message, { from_me: true, from: me })
  t.notOk('phone' in mine.message)
  t.same(reactionRecords({ ...reaction('👍', 1), msgId: undefined }, mapping), [])
  t.same(reactionRecords({ ...reaction('👍', 1), senderId: undefined }, mapping), [])
})

t.test('a vote is what is selected now, in full', async (t) => {
  const vote = {
    voter: lead,
    selectedOptions: [
      { id: 0, name: 'Monday' },
      { id: 1, name: 'Friday' },
      { id: 2, name: undefined }
    ],
    interractedAtTs: 1_700_000_000_500,
    parentMsgKey: { fromMe: true, remote: lead, id: 'P', _serialized: `true_${lead}_P` }
  }
  t.match(only(t, voteRecords(vote, mapping)), {
    kind: 'vote',
    key: `vote:true_${lead}_P:${lead}:1700000000500`,
    message: {
      chat_id: lead,
      from: lead,
      type: 'poll_vote',
      body: 'Monday, Friday',
      timestamp: 1_700_000_001,
      vote: { message_id: `true_${lead}_P`, options: ['Monday', 'Friday'] }
    }
  })
  t.match(
    only(t, voteRecords({ ...vote, selectedOptions: [] }, mapping)).message.vote,
    { options: [] },
    'taken back'
  )
  t.same(voteRecords({ ...vote, parentMsgKey: undefined }, mapping), [])
})

t.test(
  'what WhatsApp gives no time for is one record, however late it is told again',
  async (t) => {
    const parent = { fromMe: true, remote: lead, id: 'P', _serialized: `true_${lead}_P` }
    const reaction = { msgId: parent, senderId: lead, reaction: '👍' }
    const vote = { parentMsgKey: parent, voter: lead, selectedOptions: [{ id: 0, name: 'Monday' }] }
    const message = { ...rawText('A'), t: undefined }
    const timeless: (() => NewRecord[])[] = [
      () => reactionRecords(reaction, mapping),
      () => reactionRecords({ ...reaction, timestamp: 0 }, mapping),
      () => voteRecords(vote, mapping),
      () => voteRecords({ ...vote, interractedAtTs: 'soon' }, mapping),
      () => messageRecords(message, mapping),
      () => editRecords(message, 'as it was', mapping),
      () => revokeRecords(message, 'sender', mapping),
      () => ciphertextFailedRecords(message, mapping)
    ]
    mock.timers.enable({ apis: ['Date'] })
    t.teardown(() => mock.timers.reset())
    const keysAt = (now: number): string[] => {
      mock.timers.setTime(now)
      return timeless.map((records) => only(t, records()).key)
    }
    t.same(keysAt(1_700_000_000_000), keysAt(1_700_000_009_000))
    const other = { ...vote, selectedOptions: [{ id: 1, name: 'Friday' }] }
    t.not(only(t, voteRecords(other, mapping)).key, only(t, voteRecords(vote, mapping)).key)
  }
)

t.test('a change in a group', async (t) => {
  const raw = rawGroup('A', { type: 'gp2', subtype: 'add', body: '', recipients: [wid(lead), lid] })
  t.match(captured(t, raw), {
    type: 'gp2',
    chat_id: group,
    group: { subtype: 'add', recipients: [lead, lid] }
  })
  // as GroupNotification of whatsapp-web.js has it
  const notification = {
    id: raw['id'] as Raw,
    body: '',
    type: 'remove',
    timestamp: 1_700_000_000,
    chatId: group,
    author: lead,
    recipientIds: [lid]
  }
  const newRecord = only(t, groupRecords(notification, mapping))
  t.match(newRecord.message, {
    type: 'gp2',
    chat_id: group,
    from: group,
    author: lead,
    timestamp: 1_700_000_000,
    group: { subtype: 'remove', recipients: [lid] }
  })
  t.equal(
    newRecord.key,
    only(t, messageRecords(raw, mapping)).key,
    'the same record, however it is heard of'
  )
})

t.test('what has no id is no message', async (t) => {
  t.equal(toMessage({}, mapping), undefined)
  for (const newRecords of [
    messageRecords({}, mapping),
    editRecords({}, 'x', mapping),
    revokeRecords({}, 'me', mapping),
    ciphertextFailedRecords({}, mapping),
    reactionRecords({}, mapping),
    voteRecords({}, mapping),
    groupRecords({}, mapping)
  ])
    t.same(newRecords, [])
})

t.test('times that are none are taken for now', async (t) => {
  for (const bad of [undefined, null, 'soon', -1, NaN, Infinity, 1e308, 1e13, {}]) {
    const { timestamp } = captured(t, rawText('A', { t: bad }))
    t.ok(Math.abs(timestamp - Date.now() / 1_000) < 5, String(bad))
    t.equal(
      editRecords(
        rawText('A', {
          latestEditSenderTimestampMs: typeof bad === 'number' && bad === 1e13 ? 1e16 : bad
        }),
        undefined,
        mapping
      ).length,
      0
    )
  }
  t.equal(captured(t, rawText('B', { t: '1700000000' })).timestamp, 1_700_000_000)
})

t.test(
  'hostile garbage throws nothing, and what comes of it is as the contract has it',
  async (t) => {
    const validator = Compile(CapturedMessage)
    const fields = [
      'id',
      'from',
      'to',
      'author',
      'type',
      'subtype',
      'body',
      'caption',
      't',
      'timestamp',
      'notifyName',
      'directPath',
      'filehash',
      'size',
      'duration',
      'mimetype',
      'filename',
      'lat',
      'lng',
      'loc',
      'vcardList',
      'pollName',
      'pollOptions',
      'pollSelectableOptionsCount',
      'quotedStanzaID',
      'quotedParticipant',
      'quotedRemoteJid',
      'mentionedJidList',
      'recipients',
      'recipientIds',
      'chatId',
      'isForwarded',
      'latestEditSenderTimestampMs',
      'protocolMessageKey',
      'msgId',
      'senderId',
      'reaction',
      'voter',
      'parentMsgKey',
      'selectedOptions',
      'interractedAtTs',
      'eventName',
      'ctwaContext',
      'contextInfo',
      'interactivePayload',
      'interactiveHeader',
      'list',
      'listResponse',
      'hydratedButtons',
      'dynamicReplyButtons',
      'carouselCardsParsed',
      'richResponse',
      'paymentNoteMsg',
      'pollVotesSnapshot',
      'eventStartTime',
      'inviteCodeExp',
      'callOutcome',
      'callDuration',
      'parentMsgKey',
      'associationType',
      'isViewOnce',
      'bizBotType',
      'templateParams',
      'totalAmount1000',
      'itemCount',
      'status',
      'ack'
    ]
    const type = fc.constantFrom(
      'chat',
      'image',
      'location',
      'vcard',
      'multi_vcard',
      'poll_creation',
      'gp2',
      'ciphertext',
      'revoked',
      'e2e_notification',
      'interactive',
      'list',
      'order',
      'payment',
      'product',
      'call_log',
      'event_creation',
      'groups_v4_invite',
      'album',
      'rich_response',
      'poll_result_snapshot',
      'notification_template',
      ''
    )
    const anyId = fc.oneof(
      fc.constantFrom(lead, me, lid, group, ''),
      fc.record(
        {
          _serialized: fc.anything(),
          remote: fc.anything(),
          id: fc.anything(),
          fromMe: fc.anything()
        },
        { requiredKeys: [] }
      ),
      fc.anything()
    )
    const value = fc.oneof(
      fc.anything({
        withBigInt: true,
        withDate: true,
        withMap: true,
        withNullPrototype: true,
        withObjectString: true,
        withSparseArray: true
      }),
      anyId,
      type,
      fc.double(),
      fc.constant(filehash),
      fc.array(anyId)
    )
    const raw = fc
      .tuple(fc.dictionary(fc.constantFrom(...fields), value), fc.boolean(), type)
      .map(
        ([facts, usable, kind]): Raw =>
          usable ? { ...facts, id: { fromMe: true, remote: lead, id: 'X' }, type: kind } : facts
      )
    fc.assert(
      fc.property(raw, fc.anything(), fc.nat(), (model, previous, maxBytes) => {
        const how = {
          media: { ...mapping.media, maxBytes },
          me: [me],
          keepRaw: true,
          broadcasts: true
        }
        const before = typeof previous === 'string' ? previous : undefined
        const all = [
          messageRecords(model, how),
          editRecords(model, before, how),
          revokeRecords(model, 'sender', how),
          revokeRecords(model, 'me', how),
          ciphertextFailedRecords(model, how),
          reactionRecords(model, how),
          voteRecords(model, how),
          groupRecords(model, how)
        ].flat()
        for (const { key, message } of all) {
          // it goes into the journal as JSON, and on to the hub
          const back: unknown = JSON.parse(JSON.stringify(message))
          if (!validator.Check(back))
            throw new Error(
              `not as the contract has it: ${JSON.stringify([...validator.Errors(back)].slice(0, 3))}`
            )
          if (!/^\w+:./.test(key)) throw new Error(`a key without an id: ${key}`)
          if (Number.isNaN(new Date((message.timestamp as number) * 1_000).getTime()))
            throw new Error('a time that is none')
        }
      }),
      propertyRuns(t, 3_000)
    )
    t.pass('held for 3,000 models')
  }
)
