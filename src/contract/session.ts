import Type, { type Static } from 'typebox'

/**
 * The session with WhatsApp as session-manager's routes show it; the hub passes these bodies on as
 * they come.
 */

export const SessionStatus = Type.Union([
  Type.Literal('INIT', { description: 'Chromium is starting or WhatsApp Web is loading' }),
  Type.Literal('QR_REQUIRED', { description: 'no linked device: a person must scan the QR' }),
  Type.Literal('PASSKEY_REQUIRED', {
    description:
      "the phone has scanned, and WhatsApp asks for the account's passkey: GET passkey says " +
      'what to do'
  }),
  Type.Literal('AUTHENTICATED', { description: 'linked; WhatsApp Web is syncing' }),
  Type.Literal('READY', { description: 'messages are being captured' }),
  Type.Literal('DISCONNECTED', {
    description: 'not connected; reason and, unless asked for, next_attempt_at are given'
  }),
  Type.Literal('ERROR', {
    description: 'a fault an operator should look at; it is retried all the same'
  })
])
export type SessionStatus = Static<typeof SessionStatus>

export const Health = Type.Object({
  status: Type.Literal('ok'),
  service: Type.String({ description: 'lets a caller see that it talks to the wrong program' }),
  timestamp: Type.String(),
  version: Type.String(),
  account: Type.Optional(Type.String()),
  pid: Type.Integer(),
  uptime_s: Type.Number()
})
export type Health = Static<typeof Health>

export const Me = Type.Object({
  id: Type.String(),
  phone: Type.Optional(Type.String({ description: 'E.164' })),
  name: Type.Optional(Type.String())
})
export type Me = Static<typeof Me>

export const Fence = Type.Union([
  Type.Literal('in_force', { description: 'it holds' }),
  Type.Literal('absent', { description: 'it is not there: WhatsApp Web lacks what it is put on' }),
  Type.Literal('open', { description: 'it is there, and something can pass it' })
])

export const Status = Type.Object({
  status: SessionStatus,
  since: Type.String({ description: 'when this status began' }),
  reason: Type.Optional(Type.String({ description: 'in plain words' })),
  limited: Type.Optional(
    Type.String({
      description:
        'READY, messages are captured, but not all else works: what of WhatsApp Web is missing, ' +
        'and what does not work without it'
    })
  ),
  limited_by: Type.Optional(
    Type.Array(Type.String(), {
      description:
        'the parts that found what limited says: page, guard, backfill, and checkpoint, where ' +
        'WhatsApp asks the linked account for its passkey'
    })
  ),
  account: Type.String(),
  linked: Type.Boolean({ description: 'a linked device is stored, so no QR is needed' }),
  me: Type.Optional(Me),
  last_message_at: Type.Optional(Type.String()),
  sync_percent: Type.Optional(Type.Number()),
  failures: Type.Integer({
    description: 'attempts to connect that failed in a row; 0 while READY'
  }),
  off: Type.Optional(
    Type.Boolean({
      description:
        'true while the session is off on request; it stays so over restarts, until POST /connect'
    })
  ),
  next_attempt_at: Type.Optional(Type.String()),
  whatsapp_web_version: Type.Optional(Type.String()),
  whatsapp_web_pinned: Type.Optional(
    Type.String({
      description:
        'only with WEB_VERSION: the version that is to be shown. Another whatsapp_web_version ' +
        'means that WhatsApp does not go by it'
    })
  ),
  outbound_blocked: Type.Integer({
    description: 'attempts to send that the guard in the page refused'
  }),
  guard: Type.Optional(
    Type.Object(
      {
        wire: Fence,
        modules: Fence
      },
      {
        description:
          'whether the two fences of the send guard hold: on the wire by which everything ' +
          'leaves, and on the functions that whatsapp-web.js sends by; only while a page was ' +
          'looked at. With neither the session is never READY; with one it is, and `limited` ' +
          'names the other; GUARD=strict asks for both'
      }
    )
  ),
  journal: Type.Object({
    id: Type.String({
      description: 'drawn when the journal was made: a cursor belongs to one journal'
    }),
    last_seq: Type.Integer(),
    erasures: Type.Optional(
      Type.String({
        description:
          'another one after each deletion that was asked for; absent before the first. A hub ' +
          'that sees a new one asks POST /erased'
      })
    )
  }),
  media: Type.Object({
    pending: Type.Integer(),
    outage: Type.Optional(
      Type.String({
        description:
          'why no media can be fetched at present: the network, the disk or the page. They ' +
          'wait, and are fetched once it works'
      })
    )
  }),
  backfill: Type.Object({
    complete_until: Type.Optional(
      Type.String({
        description:
          'everything up to here has been captured, but for the chats that unread_chats counts'
      })
    ),
    running: Type.Boolean(),
    unread_chats: Type.Optional(
      Type.Integer({
        minimum: 0,
        description:
          'chats that WhatsApp Web cannot read back now: messages missed there may lack. They ' +
          'are tried again; see limited'
      })
    ),
    unread_messages: Type.Optional(
      Type.Integer({
        minimum: 0,
        description:
          'messages that WhatsApp Web could not describe in full, the most in one run since ' +
          'session-manager started'
      })
    )
  }),
  forward: Type.Optional(
    Type.Object(
      {
        seq: Type.Integer({
          minimum: 0,
          description: 'the last record that NATS has acknowledged'
        }),
        behind: Type.Integer({ minimum: 0, description: 'records that it has not' }),
        fault: Type.Optional(
          Type.String({ description: 'what keeps them from it, and how to mend it' })
        )
      },
      { description: 'only with NATS_URL' }
    )
  )
})
export type Status = Static<typeof Status>

/**
 * `GET /api/whatsapp/accounts`: the session-managers that the hub follows, in order.
 */
export const Accounts = Type.Object({
  accounts: Type.Array(
    Type.Object({
      account: Type.Union([Type.String(), Type.Null()], {
        description: 'null for the first, until it has told'
      }),
      base_url: Type.String(),
      verified: Type.Boolean({
        description: 'a session-manager of this account answers there and takes our token'
      }),
      following: Type.Boolean(),
      fault: Type.Optional(Type.String({ description: 'what is wrong, and what to change where' }))
    })
  )
})
export type Accounts = Static<typeof Accounts>

export const Qr = Type.Union([
  Type.Object({ status: Type.Literal('NO_QR') }),
  Type.Object({
    status: Type.Literal('QR_AVAILABLE'),
    qr: Type.String({ description: 'data:image/png;base64,…' }),
    generated_at: Type.String(),
    expires_at: Type.String(),
    attempt: Type.Integer({ description: 'codes shown since the last connection' })
  })
])
export type Qr = Static<typeof Qr>

export const Connect = Type.Object({
  success: Type.Literal(true),
  state: SessionStatus,
  session: Type.String({ description: 'the account' }),
  alreadyConnected: Type.Boolean(),
  message: Type.String()
})
export type Connect = Static<typeof Connect>

export const Disconnect = Type.Object({
  success: Type.Literal(true),
  state: SessionStatus,
  session: Type.String({ description: 'the account' }),
  alreadyDisconnected: Type.Boolean(),
  message: Type.String(),
  unlinked: Type.Optional(
    Type.Boolean({
      description:
        'only with logout=true; true: WhatsApp confirmed that the device is unlinked. false: it ' +
        'could not be told: the device is forgotten here, and must be removed on the phone'
    })
  )
})
export type Disconnect = Static<typeof Disconnect>

/** `POST /pairing-code`: the phone number of the WhatsApp account that is to be linked. */
export const PairingCodeRequest = Type.Object(
  {
    phone: Type.String({
      minLength: 5,
      maxLength: 40,
      description: 'with its country code, such as +52 55 1234 5678'
    })
  },
  { additionalProperties: false }
)
export type PairingCodeRequest = Static<typeof PairingCodeRequest>

/**
 * What a person types into WhatsApp on the phone: Linked devices, Link with phone number. The QR
 * goes on being valid, too.
 */
export const PairingCode = Type.Object({
  code: Type.String({ description: 'ABCD-EFGH' }),
  phone: Type.String({ description: 'E.164' }),
  generated_at: Type.String(),
  expires_at: Type.String()
})
export type PairingCode = Static<typeof PairingCode>

/** Bytes as WebAuthn's JSON forms carry them: base64url without padding. */
const bytes = (maxLength: number, description: string) =>
  Type.String({ pattern: '^[A-Za-z0-9_-]+$', minLength: 1, maxLength, description })

/** What WhatsApp asks of the passkey: PublicKeyCredentialRequestOptionsJSON of WebAuthn level 3. */
export const PasskeyRequest = Type.Object({
  challenge: Type.String({
    description: 'base64url; secret: whoever can answer it can link a device'
  }),
  rpId: Type.String({ description: 'the site that the passkey belongs to: whatsapp.com' }),
  timeout: Type.Integer({ description: 'how long WhatsApp waits for the answer, ms' }),
  userVerification: Type.String({ description: 'required, preferred or discouraged' }),
  allowCredentials: Type.Array(
    Type.Object({
      type: Type.String(),
      id: Type.String({ description: 'base64url' }),
      transports: Type.Optional(Type.Array(Type.String()))
    }),
    { description: 'the passkeys that may answer; none named: any of the account' }
  )
})
export type PasskeyRequest = Static<typeof PasskeyRequest>

export const PasskeyStage = Type.Union([
  Type.Literal('starting', { description: 'WhatsApp is asked for its challenge' }),
  Type.Literal('challenge', {
    description: 'the passkey must answer request: run script, then POST passkey'
  }),
  Type.Literal('waiting-for-phone', {
    description: 'the answer was handed to WhatsApp; the phone goes on'
  }),
  Type.Literal('code', {
    description: 'compare code with the one that the phone shows, then POST passkey/confirm'
  }),
  Type.Literal('finishing', { description: 'WhatsApp links the device' }),
  Type.Literal('failed', {
    description: 'it did not work, see reason: POST passkey/restart, or passkey/cancel'
  })
])
export type PasskeyStage = Static<typeof PasskeyStage>

/**
 * `GET /passkey`: how far linking by the account's passkey is. Its secrets are for the operator
 * alone.
 */
export const Passkey = Type.Union([
  Type.Object({
    status: Type.Literal('NO_PASSKEY', { description: 'WhatsApp asks for none now' })
  }),
  Type.Object({
    status: Type.Literal('PASSKEY_REQUIRED'),
    stage: PasskeyStage,
    since: Type.String({ description: 'when this stage began' }),
    expires_at: Type.Optional(Type.String({ description: 'when this stage fails by itself' })),
    request: Type.Optional(PasskeyRequest),
    script: Type.Optional(
      Type.String({
        description:
          'one line of JavaScript, to be run on https://web.whatsapp.com in a browser that can ' +
          'use the passkey; it shows the answer as text'
      })
    ),
    code: Type.Optional(Type.String({ description: 'XXXX-XXXX' })),
    reason: Type.Optional(Type.String({ description: 'what went wrong, in plain words' }))
  })
])
export type Passkey = Static<typeof Passkey>

/** `POST /passkey`: the passkey's answer, in the form of PublicKeyCredential.toJSON(). */
export const PasskeyAnswer = Type.Object({
  id: bytes(1_400, 'the credential'),
  rawId: bytes(1_400, 'the same'),
  type: Type.Literal('public-key'),
  response: Type.Object({
    clientDataJSON: bytes(8_192, 'what the browser signed: challenge and origin'),
    authenticatorData: bytes(8_192, 'what the passkey says of itself'),
    signature: bytes(2_048, 'of both'),
    userHandle: Type.Optional(Type.Union([bytes(128, 'the account'), Type.Null()]))
  })
})
export type PasskeyAnswer = Static<typeof PasskeyAnswer>

/**
 * `POST /erase`: all that was captured of these chats and of these messages, and what refers to
 * them, goes for good.
 */
export const EraseRequest = Type.Object(
  {
    chat_ids: Type.Array(Type.String({ minLength: 1, maxLength: 200 }), { maxItems: 100 }),
    message_ids: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 300 }), { maxItems: 500 })
    ),
    more: Type.Optional(
      Type.Boolean({
        description:
          'true: further requests follow. The journal is rewritten with the last one, or within ' +
          'ten minutes'
      })
    )
  },
  { additionalProperties: false }
)
export type EraseRequest = Static<typeof EraseRequest>

export const Erased = Type.Object({
  records: Type.Integer({
    minimum: 0,
    description: 'of the journal, by now without content; those erased before do not count'
  }),
  media_files: Type.Integer({
    minimum: 0,
    description: 'deleted; those that another record refers to stay'
  }),
  chat_ids: Type.Optional(
    Type.Array(Type.String(), {
      description: 'all addresses of the persons whose chats were named, as far as they are known'
    })
  )
})
export type Erased = Static<typeof Erased>

/**
 * The fields that identify an erased message: whose it is, and when it was written. No content.
 */
const ErasedMessage = Type.Object(
  {
    id: Type.String({ minLength: 1, maxLength: 300 }),
    chat_id: Type.String({ maxLength: 200 }),
    from: Type.String({ maxLength: 200 }),
    author: Type.Optional(Type.String({ maxLength: 200 })),
    phone: Type.Optional(Type.String({ maxLength: 40 })),
    lid: Type.Optional(Type.String({ maxLength: 200 })),
    timestamp: Type.Integer({ description: 'UNIX seconds' })
  },
  { additionalProperties: false }
)
export type ErasedMessage = Static<typeof ErasedMessage>

/**
 * `POST /erased`: which of these were erased on request. A hub with a store of its own asks this to
 * find what another hub deleted. session-manager keeps only keyed hashes, which reveal nothing by
 * themselves.
 */
export const ErasedQuestion = Type.Object(
  {
    chat_ids: Type.Array(Type.String({ minLength: 1, maxLength: 200 }), { maxItems: 500 }),
    messages: Type.Array(ErasedMessage, { maxItems: 500 })
  },
  { additionalProperties: false }
)
export type ErasedQuestion = Static<typeof ErasedQuestion>

export const ErasedAnswer = Type.Object({
  chat_ids: Type.Array(Type.String(), {
    description: 'those whose erasure was asked for, whatever came in them since'
  }),
  message_ids: Type.Array(Type.String(), { description: 'of the messages that were erased' })
})
export type ErasedAnswer = Static<typeof ErasedAnswer>

/** `POST /remap`: maps the messages of a part of the journal again, as this release maps them. */
export const RemapRequest = Type.Object(
  {
    after: Type.Optional(
      Type.Integer({ minimum: 0, description: 'the last record that is done; 0 begins' })
    ),
    dry_run: Type.Optional(Type.Boolean({ description: 'true: only count what would change' }))
  },
  { additionalProperties: false }
)
export type RemapRequest = Static<typeof RemapRequest>

export const Remapped = Type.Object({
  mapper_version: Type.Integer(),
  examined: Type.Integer({ description: 'records of this part; 0: there are no more' }),
  mapped: Type.Integer({
    description: 'messages of this part whose raw model is still kept, and repairs'
  }),
  changed: Type.Integer({
    description: 'messages that differ now: each has an update record, unless dry_run'
  }),
  next_after: Type.Integer({ description: 'after, for the next part' }),
  last_seq: Type.Integer()
})
export type Remapped = Static<typeof Remapped>
